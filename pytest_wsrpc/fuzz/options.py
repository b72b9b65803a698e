"""Command line options and ini settings of the fuzzer.

Read at the start of every test run, so nothing beyond the standard library is imported here until
an option asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pytest

MAX_EXAMPLES = 100
"""Cases for each item: an application of a dozen methods takes some ten seconds."""

PARAMETRIZED = "wsrpc_fuzz_api"
"""The attribute of a test under ``@api.parametrize()``."""

ITEM_TIME = 60.0
"""Seconds for each item, many times what one needs; in proportion where there are more cases."""

CASE_TIMEOUT = 5.0
"""Seconds for one reply: far more than a handler needs that waits for nothing outside."""


def add_options(parser: pytest.Parser) -> None:
    """Add the fuzzer's options to pytest's, each with an ini setting of the same name."""
    option = _Adder(parser)
    option(
        "--wsrpc-fuzz",
        "linelist",
        "fuzz this application, what this factory returns, fixture:NAME, or the server at a URL "
        "such as ws://localhost:8080/stream; may be repeated",
        action="append",
        metavar="MODULE:ATTRIBUTE",
    )
    option(
        "--wsrpc-schema",
        "string",
        "the AsyncAPI 3 document of the server at a URL: a file, JSON or YAML, or an http(s) URL",
        metavar="FILE_OR_URL",
    )
    option(
        "--wsrpc-tls-ca",
        "string",
        "trust the certificates in this file, instead of the system's, of servers at wss:// and "
        "https:// URLs",
        metavar="FILE",
    )
    option(
        "--wsrpc-tls-no-verify",
        "bool",
        "do not look at the certificates of servers at wss:// and https:// URLs",
        action="store_const",
        const=True,
    )
    option(
        "--wsrpc-header",
        "linelist",
        "a header of every handshake of the fuzzer, such as 'Authorization: Bearer abc'; "
        "may be repeated",
        action="append",
        metavar="NAME:VALUE",
    )
    option(
        "--wsrpc-param",
        "args",
        "the value of a path parameter, for paths such as /rooms/{id}; may be repeated",
        action="append",
        metavar="NAME=VALUE",
    )
    option(
        "--wsrpc-include",
        "args",
        "fuzz only methods that this glob matches; may be repeated",
        action="append",
        metavar="METHOD-GLOB",
    )
    option(
        "--wsrpc-exclude",
        "args",
        "do not fuzz methods that this glob matches; may be repeated",
        action="append",
        metavar="METHOD-GLOB",
    )
    option(
        "--wsrpc-exclude-checks",
        "args",
        "leave out these checks of the fuzzer, for some methods or for all; may be repeated",
        action="append",
        metavar="[METHOD-GLOB:]NAME[,...]",
    )
    option(
        "--wsrpc-max-examples",
        "int",
        f"cases for each item of the fuzzer (that of hypothesis' profile, else {MAX_EXAMPLES})",
        type=int,
        metavar="N",
    )
    option(
        "--wsrpc-max-time",
        "float",
        "seconds that all items of the fuzzer may take together (no limit)",
        type=float,
        metavar="SECONDS",
    )
    option(
        "--wsrpc-max-item-time",
        "float",
        f"seconds that each item of the fuzzer may take ({ITEM_TIME:g}, "
        f"more where it has more than {MAX_EXAMPLES} cases)",
        type=float,
        metavar="SECONDS",
    )
    option(
        "--wsrpc-case-timeout",
        "float",
        f"seconds that a call of the fuzzer waits for its reply ({CASE_TIMEOUT:g})",
        type=float,
        metavar="SECONDS",
    )
    option.group.addoption(
        "--wsrpc-checks",
        action="store_true",
        help="list the fuzzer's checks, and those of conftest.py, and exit",
    )
    parser.addini(
        "wsrpc_fuzz_fixtures", "fixtures that every item of the fuzzer uses", "args", default=[]
    )


def list_checks(config: pytest.Config) -> None:
    """Print the checks of the fuzzer and of the conftest.py files that are loaded."""
    from .catalogue import listing
    from .context import add_checks

    add_checks(config)
    print(listing(config.rootpath))


def requested(config: pytest.Config) -> bool:
    """Tell whether the command line or the ini file names an application to fuzz."""
    return bool(config.getoption("wsrpc_fuzz") or config.getini("wsrpc_fuzz"))


class _Adder:
    def __init__(self, parser: pytest.Parser) -> None:
        self.parser = parser
        self.group = parser.getgroup("wsrpc-fuzz", "fuzzing websocket RPC applications")

    def __call__(
        self,
        flag: str,
        ini: Literal["args", "linelist", "string", "bool", "int", "float"],
        help: str,
        **settings: Any,
    ) -> None:
        name = flag.removeprefix("--").replace("-", "_")
        self.group.addoption(flag, dest=name, default=None, help=help, **settings)
        self.parser.addini(name, f"{help} (option {flag})", type=ini, default=None)
