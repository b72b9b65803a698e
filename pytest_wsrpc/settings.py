"""Options, ini settings, the marker ``wsrpc``: their names, their values, what is wrong with one.

A test goes by the closest marker that names a setting, else by the option of the command line,
else by the ini file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import pytest

if TYPE_CHECKING:
    from .faults import Spec
    from .observer import Observer

DEFAULT_PATH = "/stream"

STRICT_KINDS = {
    "server-errors": "exceptions on the server that the test did not look at",
    "unread-errors": "error replies that the test did not read",
    "tasks": "tasks that still run after the application was closed",
    "subscriptions": "subscriptions that the application still holds after it was closed",
    "unused-faults": "fault rules that nothing matched",
}
"""What fails a test that passed else, by the name that turns it off."""

Strict: TypeAlias = bool | str | Iterable[str]
"""All kinds, none, or some by their names, in one text or in several."""
Transport: TypeAlias = Literal["memory", "tcp"]

TRANSPORTS: Final[tuple[Transport, ...]] = ("memory", "tcp")
CLOCKS = ("real", "virtual")

MARKER = (
    "wsrpc(*, strict=True, transport='memory', clock='real', faults='...'): how pytest-wsrpc "
    "treats this test. strict=False lets it pass whatever it leaves behind, strict='...' names "
    f"what may not be left: {', '.join(STRICT_KINDS)}. transport is 'memory' or 'tcp'; "
    "clock='virtual' runs the test on virtual time; faults are rules such as "
    "'publish:error=CannotPublish,times=2'."
)

OBSERVER: pytest.StashKey[Observer] = pytest.StashKey()


def add_options(parser: pytest.Parser) -> None:
    """Add the options and ini settings of the fixtures to pytest's."""
    group = parser.getgroup("wsrpc", "testing websocket RPC applications")
    group.addoption(
        "--wsrpc-transport",
        choices=TRANSPORTS,
        help="connect clients in memory (the default), or over loopback sockets",
    )
    group.addoption(
        "--wsrpc-faults",
        metavar="RULES",
        help="inject these faults into every test with an application, such as "
        "'publish:error=CannotPublish,probability=0.05; deliver:latency=50ms'",
    )
    group.addoption(
        "--wsrpc-seed",
        type=int,
        metavar="N",
        help="the seed of what is drawn at random (--hypothesis-seed, else a random one)",
    )
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
    parser.addini(
        "wsrpc_transport",
        "how clients are connected: memory (the default) or tcp (option --wsrpc-transport)",
        type="string",
        default="memory",
    )
    parser.addini(
        "wsrpc_clock",
        "the time of tests with an application: real (the default) or virtual",
        type="string",
        default="real",
    )
    parser.addini(
        "wsrpc_clock_limit",
        "how long a test on virtual time waits in vain before it fails (24h)",
        type="string",
        default="24h",
    )
    parser.addini(
        "wsrpc_faults",
        "faults for every test with an application (option --wsrpc-faults)",
        type="string",
        default="",
    )
    parser.addini(
        "wsrpc_seed",
        "the seed of what is drawn at random (option --wsrpc-seed)",
        type="int",
        default=None,
    )


def given(config: pytest.Config, name: str) -> Any:
    """Return an option, which takes the place of the ini setting of the same name."""
    option = config.getoption(name)
    return config.getini(name) if option is None else option


def origin(config: pytest.Config, name: str) -> str:
    """Return the option, or the ini setting, that a value comes from, ready to precede it."""
    if config.getoption(name) is not None:
        return "--" + name.replace("_", "-")
    return f"ini setting {name} ="


def given_path(config: pytest.Config, name: str) -> Path:
    """Return a path in full: of an option from where pytest was started, else beside the file."""
    base = config.invocation_params.dir
    if config.getoption(name) is None and config.inipath is not None:
        base = config.inipath.parent
    written: str = given(config, name)
    return base / os.path.expanduser(written)  # pathlib's raises for an unknown user


def check_settings(config: pytest.Config) -> None:
    """Raise UsageError for a setting that has no meaning."""
    path = config.getini("wsrpc_path")
    if not path.startswith("/"):
        raise pytest.UsageError(f"wsrpc_path = {path}: a path begins with '/', such as /stream")
    for name, key in _INI.items():
        try:
            _KEYS[key](config.getini(name))
        except ValueError as error:
            raise pytest.UsageError(f"{name} = {error}") from None
    try:
        clock_limit(config)
    except ValueError as error:
        raise pytest.UsageError(f"wsrpc_clock_limit: {error}") from None
    try:
        session_faults(config)
    except ValueError as error:
        given = config.getoption("wsrpc_faults") is not None
        origin = "--wsrpc-faults" if given else "ini setting wsrpc_faults"
        raise pytest.UsageError(f"{origin}: {error}") from None


def check_markers(definition: pytest.Item) -> None:
    """Fail the collection, or the set-up, of a test whose marker says something unknown."""
    for marker in definition.iter_markers("wsrpc"):
        unknown = [repr(value) for value in marker.args]
        unknown += [
            f"{name}={value!r}" for name, value in marker.kwargs.items() if name not in _KEYS
        ]
        if unknown:
            pytest.fail(
                f"{definition.nodeid}: @pytest.mark.wsrpc does not take {', '.join(unknown)}; "
                f"it takes {', '.join(f'{name}=...' for name in _KEYS)}",
                pytrace=False,
            )
        for name, value in marker.kwargs.items():
            problem = _problem(name, value)
            if problem is not None:
                pytest.fail(
                    f"{definition.nodeid}: @pytest.mark.wsrpc({name}=...): {problem}", pytrace=False
                )


def strict_kinds(item: pytest.Item) -> frozenset[str]:
    """What fails this test."""
    kinds: frozenset[str] = _value(item, "strict")
    return kinds


def transport(item: pytest.Item) -> str:
    """How the clients of this test are connected: ``memory`` or ``tcp``."""
    kind: str = _value(item, "transport")
    return kind


def marked(item: pytest.Item, name: str) -> Any:
    """What the closest marker of a test says of a setting, None where none does."""
    for marker in item.iter_markers("wsrpc"):
        if name in marker.kwargs:
            return _KEYS[name](marker.kwargs[name])
    return None


def asks_for_virtual_time(item: pytest.Item) -> bool:
    """Tell whether anything says that this test is to run on virtual time."""
    return (
        marked(item, "clock") == "virtual"
        or "ws_clock" in getattr(item, "fixturenames", ())
        or item.config.getini("wsrpc_clock") == "virtual"
    )


def clock_limit(config: pytest.Config) -> float:
    """Seconds of virtual time for which a test waits in vain."""
    from .durations import parse_duration

    text = config.getini("wsrpc_clock_limit")
    seconds = parse_duration(text)
    if not seconds:
        raise ValueError(f"expected a duration above 0, such as 24h, got {text!r}")
    return seconds


def session_faults(config: pytest.Config) -> tuple[Spec, ...]:
    """The faults of every test, from the command line, else from the ini file."""
    text = config.getoption("wsrpc_faults")
    return _parse_faults(config.getini("wsrpc_faults") if text is None else text)


def has_session_faults(config: pytest.Config) -> bool:
    """Tell whether the command line or the ini file has faults, without reading them."""
    return bool(config.getoption("wsrpc_faults") or config.getini("wsrpc_faults").strip())


def marked_faults(item: pytest.Item) -> tuple[Spec, ...]:
    """The faults of the test's markers, those of its module and class first."""
    texts = [
        marker.kwargs["faults"]
        for marker in item.iter_markers("wsrpc")
        if "faults" in marker.kwargs
    ]
    return tuple(spec for text in reversed(texts) for spec in _parse_faults(text))


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


def _problem(name: str, value: object) -> str | None:
    try:
        _KEYS[name](value)
    except ValueError as error:
        return str(error)
    return None


def _one_of(allowed: tuple[str, ...]) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        raise ValueError(f"{value}: it takes {' or '.join(allowed)}")

    return parse


def _parse_faults(text: object) -> tuple[Spec, ...]:
    if not isinstance(text, str):
        raise ValueError(
            f"expected rules in a string, such as 'publish:error=CannotPublish', got {text!r:.80}"
        )
    if not text.strip():
        return ()
    from . import faults

    return tuple(faults.parse(text))


_KEYS: Final[dict[str, Callable[[object], Any]]] = {
    "strict": parse_strict,
    "transport": _one_of(TRANSPORTS),
    "clock": _one_of(CLOCKS),
    "faults": _parse_faults,
}
"""How each setting that the marker takes is read."""
_INI: Final = {
    "wsrpc_strict": "strict",
    "wsrpc_transport": "transport",
    "wsrpc_clock": "clock",
}


def _value(item: pytest.Item, name: str) -> Any:
    value = marked(item, name)
    if value is not None:
        return value
    option = item.config.getoption(f"wsrpc_{name}", None)
    return _KEYS[name](item.config.getini(f"wsrpc_{name}") if option is None else option)
