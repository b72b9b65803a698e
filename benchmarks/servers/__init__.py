"""The servers that ``benchmarks.compare`` measures, one module each, run as ``python -m``.

A module imports its peer and `benchmarks.servers.serving`, nothing else of the project, as it runs
in an environment of its own. All serve the same: ``echo``, subscribing to one channel, publishing.
"""
