"""Payloads of a method, which also try what its code compares their fields with."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws
from pytest_wsrpc.strategies.invalid import invalid_of
from pytest_wsrpc.strategies.payloads import source_of
from pytest_wsrpc.strategies.schema.hints import NO_HINTS, Hints
from wsrpc.rpc import RpcMethod

from . import inputs
from .endpoints import Endpoint
from .literals import literals_of

Payload: TypeAlias = dict[str, Any]


def payloads(endpoint: Endpoint, method: RpcMethod) -> st.SearchStrategy[Payload]:
    """Return payloads that a method's type accepts, those of the user's hooks if it has some."""
    return inputs.payloads(endpoint, method, _payloads(method, hints_of(endpoint, method)))


@st.composite
def invalid_payloads(draw: st.DrawFn, endpoint: Endpoint, method: RpcMethod) -> ws.Invalid:
    """Return payloads with one thing wrong that the type of a method refuses."""
    invalid = invalid_of(source_of(method.payload, hints_of(endpoint, method)))
    assert invalid is not None, "asked for where can_be_invalid says no"
    return draw(invalid)


def hints_of(endpoint: Endpoint, method: RpcMethod) -> Hints:
    """Return what the code of a method compares with, where that can be read."""
    return NO_HINTS if endpoint.is_remote else literals_of(endpoint.view, method)


@st.composite
def _payloads(draw: st.DrawFn, method: RpcMethod, literals: Hints) -> Payload:
    payload = draw(source_of(method.payload, literals).valid)
    if method.builtin and draw(_IS_USUAL):
        # any text may be a channel's name, but few brokers take more than these
        return {**payload, "channel": draw(ws.channels())}
    return payload


_IS_USUAL: Final = st.sampled_from((True,) * 7 + (False,))
