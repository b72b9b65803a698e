"""The command that runs one item again as it was run."""

from __future__ import annotations

import shlex

import pytest

from .headers import fill_in, masked
from .settings import Settings
from .target import Target
from .url.target import SCHEMA, UrlTarget

_KEPT = (
    "wsrpc_tls_ca",
    "wsrpc_param",
    "wsrpc_case_timeout",
    "wsrpc_max_examples",
    "wsrpc_exclude_checks",
)
"""Options that change what an item does; which items there are, its id tells by itself."""


def command(config: pytest.Config, settings: Settings, target: Target, nodeid: str) -> str:
    """Return the command line, with what the ini file does not say by itself."""
    words = ["pytest", "--wsrpc-fuzz", target.spec, "--wsrpc-seed", str(settings.seed.value)]
    # the settings hold the headers of the ini file where no option gives any
    headers = settings.headers if config.getoption("wsrpc_header") else ()
    for name, value in masked(headers):
        words += ["--wsrpc-header", f"{name}: {value}"]
    if isinstance(target, UrlTarget) and config.getoption("wsrpc_schema"):
        words += [SCHEMA, target.schema]
    for name in _KEPT:
        given = config.getoption(name)
        values = given if isinstance(given, list) else [] if given is None else [given]
        for value in values:
            words += ["--" + name.replace("_", "-"), str(value)]
    if config.getoption("wsrpc_tls_no_verify"):
        words.append("--wsrpc-tls-no-verify")
    return shlex.join([*words, nodeid]) + fill_in(headers, target.secrets)
