"""The websocket endpoints of an application, as its router has them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from ..application import views
from ..path import WsPathMixin
from ..rpc import RpcMethod, methods_of

_PARAMETER: Final = re.compile(r"\{([^{}]+)\}")
_LIBRARIES: Final = ("wsrpc", "aiohttp")
_ANY_SEGMENT: Final = "[^{}/]+"


@dataclass(frozen=True)
class Endpoint:
    """A path at which a view serves websockets."""

    id: str
    """The path as an identifier, unique in the application."""
    address: str
    """As the router writes it, with ``{name}`` for a parameter."""
    parameters: Mapping[str, str | None]
    """The regular expression of each parameter, None where any segment does."""
    view: type[WsPathMixin]
    methods: Mapping[str, RpcMethod]

    @property
    def documentation(self) -> str:
        """The docstring of the view, or of the application's own class that it inherits from."""
        for cls in self.view.__mro__:
            is_own = cls.__module__.partition(".")[0] not in _LIBRARIES
            if is_own and issubclass(cls, web.View) and cls.__doc__:
                return inspect.cleandoc(cls.__doc__)
        return ""


def endpoints_of(app: web.Application) -> list[Endpoint]:
    """Return the endpoints of an application and its sub-applications, in the router's order.

    Of two at the same path it is the first, which is the one that answers. Raises `TypeError` and
    `NameError` for methods whose types are unusable.
    """
    ids: set[str] = set()
    return [
        Endpoint(
            id=_new_id(resource.canonical, ids),
            address=resource.canonical,
            parameters=_parameters(resource.canonical, resource.get_info()),
            view=view,
            methods=methods_of(view),
        )
        for resource, view in views(app)
    ]


def _new_id(address: str, taken: set[str]) -> str:
    plain = re.sub(r"[^a-zA-Z0-9]+", "_", address).strip("_") or "root"
    new, count = plain, 1
    while new in taken:
        count += 1
        new = f"{plain}_{count}"
    taken.add(new)
    return new


def _parameters(address: str, info: Any) -> dict[str, str | None]:
    """Read from the router's regular expression what each parameter of a path has to match."""
    literals = _PARAMETER.split(address)
    names, after = literals[1::2], literals[2::2]
    patterns: dict[str, str | None] = {}
    rest = info["pattern"].pattern if names else ""
    for index, (name, literal) in enumerate(zip(names, after, strict=True)):
        rest = rest.partition(f"(?P<{name}>")[2]
        following = f"(?P<{names[index + 1]}>" if index + 1 < len(names) else ""
        end = ")" + re.escape(literal) + following
        pattern = rest[: rest.index(end)] if following else rest.removesuffix(end)
        patterns[name] = None if pattern == _ANY_SEGMENT else pattern
    return patterns
