"""Ini settings and the marker ``wsrpc``: their names, their values, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .observer import Observer

DEFAULT_PATH = "/stream"

STRICT_KINDS = {
    "server-errors": "exceptions on the server that the test did not look at",
}
"""What fails a test that passed else, by the name that turns it off."""

MARKER = (
    "wsrpc(strict=True): how pytest-wsrpc treats this test; strict=False lets it pass whatever it "
    f"leaves behind, strict='...' names what may not be left: {', '.join(STRICT_KINDS)}"
)

OBSERVER: pytest.StashKey[Observer] = pytest.StashKey()


def add_ini(parser: pytest.Parser) -> None:
    """Add the settings of the fixtures to pytest's."""
    parser.addini(
        "wsrpc_path",
        f"path of the websocket endpoint that ws_client connects to ({DEFAULT_PATH})",
        type="string",
        default=DEFAULT_PATH,
    )
    parser.addini(
        "wsrpc_strict",
        "what fails a test that passed else: true (everything, the default), false (nothing), "
        f"or names: {', '.join(STRICT_KINDS)}",
        type="string",
        default="true",
    )


def check_ini(config: pytest.Config) -> None:
    """Raise UsageError for a setting that has no meaning."""
    path = config.getini("wsrpc_path")
    if not path.startswith("/"):
        raise pytest.UsageError(f"wsrpc_path = {path}: a path begins with '/', such as /stream")
    try:
        parse_strict(config.getini("wsrpc_strict"))
    except ValueError as error:
        raise pytest.UsageError(f"wsrpc_strict = {error}") from None


def check_markers(definition: pytest.Item) -> None:
    """Fail the collection, or the set-up, of a test whose marker says something unknown."""
    for marker in definition.iter_markers("wsrpc"):
        unknown = [repr(value) for value in marker.args]
        unknown += [
            f"{name}={value!r}" for name, value in marker.kwargs.items() if name != "strict"
        ]
        if unknown:
            pytest.fail(
                f"{definition.nodeid}: @pytest.mark.wsrpc does not take {', '.join(unknown)}; "
                "it takes strict=...",
                pytrace=False,
            )
        try:
            parse_strict(marker.kwargs.get("strict", True))
        except ValueError as error:
            pytest.fail(
                f"{definition.nodeid}: @pytest.mark.wsrpc(strict=...): {error}", pytrace=False
            )


def strict_kinds(item: pytest.Item) -> frozenset[str]:
    """What fails this test: the closest marker's word, else the ini file's."""
    for marker in item.iter_markers("wsrpc"):
        if "strict" in marker.kwargs:
            return parse_strict(marker.kwargs["strict"])
    return parse_strict(item.config.getini("wsrpc_strict"))


def parse_strict(value: object) -> frozenset[str]:
    """Read true, false, or names of kinds; raise ValueError for anything else."""
    if isinstance(value, str):
        words = value.replace(",", " ").split()
        value = words == ["true"] if words in (["true"], ["false"]) else words
    if isinstance(value, bool):
        return frozenset(STRICT_KINDS) if value else frozenset()
    kinds = [str(kind) for kind in (value if isinstance(value, Iterable) else [value])]
    unknown = [kind for kind in kinds if kind not in STRICT_KINDS]
    if unknown or not kinds:
        given = ", ".join(unknown) or "nothing"
        raise ValueError(f"{given}: it takes true, false, or names: {', '.join(STRICT_KINDS)}")
    return frozenset(kinds)
