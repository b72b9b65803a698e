"""Phase ``protocol``: messages that are no request of any method."""

from __future__ import annotations

from hypothesis import strategies as st

from pytest_wsrpc import strategies as ws

from ..case import Case
from ..pool import is_exact
from .phase import Phase, Subject, fits


def _cases(subject: Subject) -> st.SearchStrategy[Case]:
    endpoint = subject.endpoint
    depth = endpoint.view.limits.depth if endpoint.tells_depth else None
    malformed = ws.malformed_messages(endpoint.methods, depth=depth)
    if endpoint.is_remote:
        malformed = malformed.filter(_is_for_all)
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


def _is_for_all(drawn: ws.Malformed) -> bool:
    """Tell whether servers of all languages can answer a message as it has to be."""
    # most libraries end a connection for what is no UTF-8, as RFC 6455 has it
    return is_exact(drawn.id) and (drawn.binary or isinstance(drawn.message, str))


PHASE = Phase("protocol", "endpoint", _cases)
