"""The fuzzer's settings of one run, read from the options and the ini file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import pytest

from wsrpc.names import suggestion

from ..seeds import RANDOM, Seed, seed_of
from ..settings import given, given_path, origin
from .catalogue import CHECKS
from .headers import NAME, VALUE
from .options import CASE_TIMEOUT, ITEM_TIME, MAX_EXAMPLES
from .tls import Tls

_KINDS = {
    "wsrpc_max_examples": "an integer above 0",
    "wsrpc_max_time": "a number above 0",
    "wsrpc_max_item_time": "a number above 0",
    "wsrpc_case_timeout": "a number above 0",
}


@dataclass(frozen=True)
class Settings:
    """What one run of the fuzzer goes by."""

    targets: tuple[str, ...]
    seed: Seed
    headers: tuple[tuple[str, str], ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    excluded_checks: frozenset[str] = frozenset()
    max_examples: int = MAX_EXAMPLES
    max_time: float | None = None
    max_item_time: float | None = None
    case_timeout: float = CASE_TIMEOUT
    fixtures: tuple[str, ...] = ()
    schema: str | None = None
    """Where the document of the server at a URL is: a URL, or a file's path in full."""
    tls: Tls = field(default_factory=Tls)

    @property
    def item_time(self) -> float:
        """Seconds for each item."""
        if self.max_item_time is not None:
            return self.max_item_time
        return ITEM_TIME * max(1.0, self.max_examples / MAX_EXAMPLES)

    def fuzzes(self, method: str) -> bool:
        """Tell whether the globs let this method in."""
        included = not self.include or any(matches(method, glob) for glob in self.include)
        return included and not any(matches(method, glob) for glob in self.exclude)


def matches(method: str, glob: str) -> bool:
    """Tell whether a glob of the options matches a method."""
    return fnmatchcase(method, glob)


def read(config: pytest.Config) -> Settings:
    """Read the settings; what has no meaning raises `pytest.UsageError`."""
    return Settings(
        targets=tuple(_values(config, "wsrpc_fuzz")),
        seed=_seed(config),
        headers=tuple(_header(config, text) for text in _values(config, "wsrpc_header")),
        params=dict(_param(config, text) for text in _values(config, "wsrpc_param")),
        include=tuple(_values(config, "wsrpc_include")),
        exclude=tuple(_values(config, "wsrpc_exclude")),
        excluded_checks=_checks(config),
        max_examples=int(_number(config, "wsrpc_max_examples", _examples_of_profile())),
        max_time=_number(config, "wsrpc_max_time", None),
        max_item_time=_number(config, "wsrpc_max_item_time", None),
        case_timeout=_number(config, "wsrpc_case_timeout", CASE_TIMEOUT),
        fixtures=tuple(config.getini("wsrpc_fuzz_fixtures")),
        schema=_schema(config),
        tls=_tls(config),
    )


def as_given(config: pytest.Config, name: str) -> str:
    """Return an option, or an ini setting, as the user has written it."""
    return f"{origin(config, name)} {_value(config, name)}"


def _value(config: pytest.Config, name: str) -> Any:
    try:
        return given(config, name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        told = str(error)
        if name in _KINDS:
            told = f"expected {_KINDS[name]}, got {told.rpartition(': ')[2]}"
        raise pytest.UsageError(f"ini setting {name}: {told}") from None


def _values(config: pytest.Config, name: str) -> Sequence[str]:
    return _value(config, name) or ()


def _number(config: pytest.Config, name: str, default: float | None) -> Any:
    value = _value(config, name)
    if value is None:
        return default
    if not math.isfinite(value) or value <= 0:
        raise pytest.UsageError(f"{origin(config, name)} {value}: expected a number above 0")
    return value


def _schema(config: pytest.Config) -> str | None:
    schema = _value(config, "wsrpc_schema")
    if not schema or "://" in schema:
        return schema or None
    return str(given_path(config, "wsrpc_schema"))


def _tls(config: pytest.Config) -> Tls:
    verifies = not _value(config, "wsrpc_tls_no_verify")
    if not _value(config, "wsrpc_tls_ca"):
        return Tls(verifies=verifies)
    tls = Tls(given_path(config, "wsrpc_tls_ca"), verifies)
    try:
        tls.context()
    except OSError as error:
        raise pytest.UsageError(
            f"{as_given(config, 'wsrpc_tls_ca')}: expected a file with certificates, in PEM: "
            f"{error.strerror or error}"
        ) from None
    return tls


def _seed(config: pytest.Config) -> Seed:
    seed = seed_of(config)
    if seed.origin != RANDOM:
        return seed
    from hypothesis import settings

    if settings.default is not None and settings.default.derandomize:
        return Seed(0, "hypothesis' derandomize")
    return seed


def _header(config: pytest.Config, text: str) -> tuple[str, str]:
    name, colon, value = (part.strip() for part in text.partition(":"))
    given = f"{origin(config, 'wsrpc_header')} {text!r}"
    if not colon or not name or not VALUE.fullmatch(text):
        raise pytest.UsageError(
            f"{given}: expected 'Name: value', such as 'Authorization: Bearer abc'"
        )
    if not NAME.fullmatch(name):
        raise pytest.UsageError(
            f"{given}: {name!r} is no name of a header: expected letters, digits and "
            "!#$%&'*+-.^_`|~ only"
        )
    return name, value


def _param(config: pytest.Config, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise pytest.UsageError(
            f"{origin(config, 'wsrpc_param')} {text!r}: expected name=value, such as id=1"
        )
    return name, value


def _checks(config: pytest.Config) -> frozenset[str]:
    texts = _values(config, "wsrpc_exclude_checks")
    entries = [entry.strip() for text in texts for entry in text.split(",") if entry.strip()]
    for entry in entries:
        glob, colon, name = entry.rpartition(":")
        if name not in CHECKS or (colon and not glob):
            raise pytest.UsageError(
                f"{origin(config, 'wsrpc_exclude_checks')} {entry}: {_unknown_check(glob, name)}"
            )
    return frozenset(entries)


def _unknown_check(glob: str, name: str) -> str:
    if name in CHECKS:
        return f"expected a check, or METHOD-GLOB:check, such as place_order:{name}"
    if glob in CHECKS:
        return f"the method comes first, {name}:{glob}"
    return f"there is no check {name!r}{suggestion(name, CHECKS)}; --wsrpc-checks lists them"


def _examples_of_profile() -> int:
    """The number of hypothesis' profile, if it is another than the one that nobody has chosen."""
    from hypothesis import settings

    assert settings.default is not None
    chosen = settings.default.max_examples
    return MAX_EXAMPLES if chosen == settings.get_profile("default").max_examples else chosen
