"""One channel's events over a bus to which anything happens."""

from __future__ import annotations

import random
from collections import deque

import pytest

from wsrpc import History, Past, PastEvent, Position

from .streams import Log


@pytest.mark.parametrize("seed", range(300))
def test_whatever_is_lost_is_told_and_nothing_comes_twice(seed: int) -> None:
    """A bus that loses, repeats, restarts and forgets, and reads that are late or fail."""
    draw = random.Random(seed)
    log = Log(history=History(size=draw.choice([2, 5, 1000])))
    epoch, kept = 0, deque[PastEvent](maxlen=draw.choice([1, 3, 50]))
    top = 0
    names: dict[tuple[str, int], int] = {("E", 0): 0}  # how many events a position stands for
    count = 0
    history: Past | None = None
    current = "E"
    for _ in range(draw.randint(5, 120)):
        kind = draw.random()
        if kind < 0.6:
            top, count = top + 1, count + 1
            names[current, top] = count
            kept.append(PastEvent(top, "a", b"1"))
            if draw.random() < 0.85:
                for _ in range(draw.choice([1, 1, 1, 2])):
                    log.live(top, current)
        elif kind < 0.65:
            epoch += 1
            current, top = f"F{epoch}", draw.randint(0, top)
            names[current, top] = count
            while kept and kept[-1].offset > top:
                kept.pop()
            log.stream.doubt()
        elif kind < 0.7:
            log.stream.doubt()
        elif kind < 0.8 and history is None and log.stream.is_behind:
            log.stream.ask()
            history = Past(Position(current, top), tuple(kept))
        elif history is not None:
            for _ in log.stream.fill(None if draw.random() < 0.2 else history):
                pass
            history = None
    log.stream.doubt()
    rounds = 0
    while log.stream.is_behind:
        rounds += 1
        assert rounds < 50
        log.stream.ask()
        for _ in log.stream.fill(Past(Position(current, top), tuple(kept))):
            pass
    assert log.stream.position == Position(current, top)
    place, at = 0, "E"
    for item in log.out:
        if isinstance(item, tuple):
            at = item[0]
            assert names[item] >= place
            place = names[item]
        else:
            assert names[at, item] == place + 1
            place += 1
    assert place == count
