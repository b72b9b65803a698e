"""The servers that ``benchmarks.compare`` measures, one module each, run as ``python -m``.

A module imports its peer and what is in this package, nothing else of the project, as it runs in an
environment of its own. All serve the same: ``echo``, subscribing to one channel, publishing. The
hand-written loops are alike, and each is whole: that is how they are written, and what they cost.
"""
