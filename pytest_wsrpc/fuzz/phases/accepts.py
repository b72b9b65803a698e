"""Phase ``accepts``: payloads that the method's type accepts."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws
from wsrpc.rpc import RpcMethod

from ..case import Case, request
from .phase import Phase, Subject, fits

_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=10),
    st.lists(st.integers() | st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3),
)
_OBJECTS = st.dictionaries(st.text(max_size=8), _VALUES, max_size=4)
"""For a method without a type: any object. Small ones, as nothing tells what it looks at."""


def _cases(subject: Subject) -> st.SearchStrategy[Case]:
    endpoint, method = subject.endpoint, subject.method
    assert method is not None
    return st.builds(
        lambda id, payload: request(endpoint, method, id, payload), ws.ids(), _payloads(method)
    ).filter(fits)


def _payloads(method: RpcMethod) -> st.SearchStrategy[dict[str, Any]]:
    if method.payload is None:
        return _OBJECTS
    payloads = ws.payloads(method.payload)
    if not method.builtin:
        return payloads
    # any text may be a channel's name, but few brokers take more than these
    return st.builds(
        lambda payload, channel, is_usual: {**payload, "channel": channel} if is_usual else payload,
        payloads,
        ws.channels(),
        st.sampled_from((True, True, True, True, True, True, True, False)),
    )


PHASE = Phase("accepts", "method", _cases)
