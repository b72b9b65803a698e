"""Phase ``accepts``: payloads that the method's type accepts."""

from __future__ import annotations

from hypothesis import reject
from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws

from ..case import Case, request
from ..literal_cases import literal_cases
from ..pool import Payload, payloads
from .phase import Phase, Proven, Subject, fits


def _cases(subject: Subject) -> st.SearchStrategy[Case]:
    assert subject.method is not None
    return _case(subject, payloads(subject.endpoint, subject.method))


@st.composite
def _case(draw: st.DrawFn, subject: Subject, payloads: st.SearchStrategy[Payload]) -> Case:
    assert subject.method is not None
    case = request(subject.endpoint, subject.method, draw(ws.ids()), draw(payloads))
    return case if fits(case) else reject()


def _listed(subject: Subject, _: Proven) -> list[Case]:
    assert subject.method is not None
    return [case for case in literal_cases(subject.endpoint, subject.method) if fits(case)]


PHASE = Phase("accepts", "method", _cases, listed=_listed)
