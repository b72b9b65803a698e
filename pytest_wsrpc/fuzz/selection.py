"""Globs and parameters that select nothing: a slip that would leave a run green."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from wsrpc.names import suggestion

from ..settings import origin
from .endpoints import Endpoint
from .settings import Settings, matches


def faults(config: pytest.Config, settings: Settings, endpoints: Iterable[Endpoint]) -> list[str]:
    """Return a line for each glob that matches no method, and each parameter that no path has."""
    endpoints = list(endpoints)
    methods = sorted({name for endpoint in endpoints for name in endpoint.methods})
    parameters = {name for endpoint in endpoints for name in endpoint.parameters}
    lines = []
    for option in ("wsrpc_include", "wsrpc_exclude"):
        for glob in getattr(settings, option.removeprefix("wsrpc_")):
            if not any(matches(name, glob) for name in methods):
                lines.append(
                    f"{origin(config, option)} {glob}: no method matches {glob!r}"
                    f"{suggestion(glob.strip('*?'), methods)}; "
                    f"there are {', '.join(methods) or 'none'}"
                )
    for entry in sorted(settings.excluded_checks):
        glob, colon, _ = entry.rpartition(":")
        if colon and not any(matches(name, glob) for name in methods):
            lines.append(
                f"{origin(config, 'wsrpc_exclude_checks')} {entry}: no method matches {glob!r}"
                f"{suggestion(glob.strip('*?'), methods)}; there are {', '.join(methods) or 'none'}"
            )
    for name, value in settings.params.items():
        if name not in parameters:
            paths = ", ".join(sorted({endpoint.path for endpoint in endpoints}))
            lines.append(
                f"{origin(config, 'wsrpc_param')} {name}={value}: no path has a parameter {name!r}"
                f"{suggestion(name, parameters)}; the paths are {paths}"
            )
    return lines
