"""The order of a channel's events: what is known of it, and when two facts contradict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .delivery import Connection, Published


class Ordering:
    """The events of one channel, as an order that publishers and receivers have to agree on."""

    def __init__(self, every: Sequence[Published]) -> None:
        self._every = every
        self._last: dict[Connection, Published] = {}
        self._next: dict[Published, set[Published]] = {}
        self._is_plain = True
        """Everybody has received events in the order of sending, so there is no contradiction."""

    def received(self, connection: Connection, published: Published) -> Published | None:
        """Note that a connection received an event; return one that should have come after it."""
        last = self._last.get(connection)
        self._last[connection] = published
        if last is None:
            return None
        self._next.setdefault(last, set()).add(published)
        self._is_plain = self._is_plain and last.number < published.number
        return last if not self._is_plain and self._leads(published, last) else None

    def _leads(self, first: Published, last: Published) -> bool:
        """Tell whether by what is known the first came before the last."""
        seen = {first}
        queue = [first]
        while queue:
            for after in self._after(queue.pop()):
                if after is last:
                    return True
                if after not in seen:
                    seen.add(after)
                    queue.append(after)
        return False

    def _after(self, one: Published) -> Iterator[Published]:
        yield from self._next.get(one, ())
        for other in self._every[one.number + 1 :]:
            by_call = (
                one.place == other.place and one.answered is not None and one.answered < other.sent
            )
            # calls of one connection that name the same channel run one after the other
            if by_call or one.publisher == other.publisher:
                yield other
