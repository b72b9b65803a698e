"""Phase ``protocol``: messages that are no request of any method."""

from __future__ import annotations

from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws

from ..case import Case
from .phase import Phase, Subject, fits


def _cases(subject: Subject) -> st.SearchStrategy[Case]:
    endpoint = subject.endpoint
    depth = endpoint.view.limits.depth if endpoint.tells_depth else None
    malformed = ws.malformed_messages(endpoint.methods, depth=depth)
    return malformed.map(
        lambda drawn: Case(
            endpoint,
            drawn.message,
            drawn.id,
            drawn.method,
            code=drawn.code,
            why=drawn.why,
            binary=drawn.binary,
        )
    ).filter(fits)


PHASE = Phase("protocol", "endpoint", _cases)
