"""``benchmarks/scale.py``, small: that it measures everything, and what it prints."""

from __future__ import annotations

import math

from benchmarks.scale import Row, Scale, table


async def test_everything_is_measured():
    rows = await Scale(channels=200, nodes=[2], events=300, connections=5).run()
    names = [row.what for row in rows]
    for kind in ("local", "local+history", "redis", "redis+history"):
        assert {f"{kind}: channel, up to {count}" for count in (2, 20)} <= {*names}
    for kind in ("redis", "redis+history"):
        assert f"{kind}: channel, up to 200" in names
        assert f"{kind}: channel that is subscribed again" in names
    for kind in ("bus", "redis", "redis+history"):
        assert f"{kind}: event delivered, each of 2" in names
    assert len(names) == len(set(names))
    for row in rows:
        assert row.node_us is not None
        assert row.node_us > 0, row
        for value in (row.redis_us, row.seconds, row.ratio):
            assert value is None or (math.isfinite(value) and value >= 0), row
        assert (row.ratio is None) == (row.beside == "")


def test_the_table_has_a_line_for_each_row():
    head, first, second = table(
        [
            Row("a channel", node_us=12.345, redis_bytes=12345.6, seconds=0.5),
            Row("an event", node_us=1, ratio=2.5, beside="nothing"),
        ]
    ).splitlines()
    assert head.split() == [
        "node",
        "µs",
        "Redis",
        "µs",
        "node",
        "bytes",
        "Redis",
        "bytes",
        "seconds",
        "times",
    ]
    assert first.split() == ["a", "channel", "12.35", "12,346", "0.50"]
    assert second.split() == ["an", "event", "1.00", "2.50", "of", "nothing"]
    assert len(head) > len(first.rstrip())
