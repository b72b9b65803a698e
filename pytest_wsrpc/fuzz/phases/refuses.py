"""Phase ``refuses``: payloads with one thing wrong, which the method's type refuses."""

from __future__ import annotations

from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws
from wsrpc.errors import InvalidParams

from ..case import Case, request
from ..pool import invalid_payloads
from .phase import Phase, Subject, fits


def _cases(subject: Subject) -> st.SearchStrategy[Case]:
    endpoint, method = subject.endpoint, subject.method
    assert method is not None
    return st.builds(
        lambda id, invalid: request(
            endpoint,
            method,
            id,
            invalid.payload,
            code=InvalidParams.CODE,
            path=invalid.path,
            why=invalid.why,
        ),
        ws.ids(),
        invalid_payloads(endpoint, method),
    ).filter(fits)


def _not_applied(subject: Subject) -> str | None:
    assert subject.method is not None
    if subject.method.payload is None:
        return "the payload has no type, so that none is invalid"
    if not ws.can_be_invalid(subject.method.payload):
        return "the type of the payload refuses no object"
    return None


PHASE = Phase("refuses", "method", _cases, _not_applied)
