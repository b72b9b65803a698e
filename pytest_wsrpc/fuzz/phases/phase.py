"""What a phase is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

from wsrpc.rpc import RpcMethod

from ..case import Case
from ..endpoints import Endpoint


@dataclass(frozen=True)
class Subject:
    """What one item fuzzes: an endpoint, or one of its methods."""

    endpoint: Endpoint
    method: RpcMethod | None = None

    @property
    def name(self) -> str:
        """The endpoint's path, and the name of the method if it is one."""
        return self.endpoint.path + (f" {self.method.name}" if self.method else "")


@dataclass(frozen=True)
class Phase:
    """One kind of message, tried on each subject of its scope that it applies to."""

    name: str
    scope: Literal["method", "endpoint"]
    cases: Callable[[Subject], st.SearchStrategy[Case]]
    not_applied: Callable[[Subject], str | None] = lambda _: None
    """Say why the phase does not apply to a subject, None if it does."""


def fits(case: Case) -> bool:
    """Tell whether a message is within the endpoint's limit, beyond which the server closes."""
    return case.size <= case.endpoint.view.limits.message_size
