"""Phase ``accepts``: payloads that the method's type accepts."""

from __future__ import annotations

from hypothesis import reject
from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws

from ..case import Case, request
from ..literal_cases import literal_cases
from ..pool import payloads
from .phase import Phase, Proven, Subject, fits


def _cases(subject: Subject) -> st.SearchStrategy[Case]:
    endpoint, method = subject.endpoint, subject.method
    assert method is not None
    drawn = payloads(endpoint, method)

    # most cases are of this phase: builds, filtered, takes three spans of hypothesis more for each
    @st.composite
    def case(draw: st.DrawFn) -> Case:
        found = request(endpoint, method, draw(ws.ids()), draw(drawn))
        return found if fits(found) else reject()

    return case()


def _listed(subject: Subject, _: Proven) -> list[Case]:
    assert subject.method is not None
    return [case for case in literal_cases(subject.endpoint, subject.method) if fits(case)]


PHASE = Phase("accepts", "method", _cases, listed=_listed)
