"""The servers that ``benchmarks.steps`` measures, from the naive one upwards, one choice each.

Each module is a server, run as ``python -m``. Its ``Stream`` inherits from that of the step before
and holds what it does otherwise, so that a module reads as the one choice that it is. They take
calls of `echo`, `subscribe` and `publish`; they have none of the limits and errors of `wsrpc`, but
what their docstrings say.
"""
