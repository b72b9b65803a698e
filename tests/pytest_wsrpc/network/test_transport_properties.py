"""Whatever two protocols do with a connection in memory, it keeps what a socket promises."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wsrpc.network import NetworkLink

ends = st.sampled_from([0, 1])
durations = st.sampled_from([0.0, 0.001])
operations = st.one_of(
    st.tuples(st.just("write"), ends, st.integers(0, 200_000)),
    st.tuples(st.sampled_from(["pause_reading", "resume_reading"]), ends),
    st.tuples(st.sampled_from(["write_eof", "close", "abort"]), ends),
    st.tuples(st.just("keep open"), ends),
    st.tuples(st.just("turns"), st.integers(1, 5)),
    st.tuples(st.just("latency"), durations, durations),
    st.tuples(st.just("bandwidth"), st.sampled_from([1e6, 1e9])),
    st.tuples(st.just("slice"), st.sampled_from([1000, 100_000])),
    st.tuples(st.sampled_from(["stall", "heal"])),
)


async def play(join, conversation):
    """Do what the conversation says, end it, and return the protocols and what they wrote."""
    pair = join()
    transports = [recorder.transport for recorder in pair]
    link = NetworkLink(*transports)
    written = [bytearray(), bytearray()]
    closed = [False, False]
    for name, *arguments in conversation:
        if name == "turns":
            for _ in range(*arguments):
                await asyncio.sleep(0)
        elif name in ("latency", "bandwidth", "slice", "stall", "heal"):
            getattr(link, name)(*arguments)
        elif name == "keep open":
            pair[arguments[0]].keeps_open = True
        elif name == "write":
            end, size = arguments
            if not closed[end]:
                data = bytes([len(written[end]) % 251]) * size
                if not transports[end].is_closing():
                    written[end] += data
                transports[end].write(data)
        else:
            closed[arguments[0]] |= name in ("write_eof", "close", "abort")
            getattr(transports[arguments[0]], name)()
    link.heal()
    for transport in transports:
        transport.resume_reading()
    for recorder, transport in zip(pair, transports, strict=True):
        recorder.keeps_open = True
        transport.write_eof()
    for recorder in pair:
        await recorder.until(lambda told=recorder.told: "eof" in told or "lost" in told)
    for transport in transports:
        transport.close()
    for recorder in pair:
        await recorder.until_told("lost")
    return pair, written


def check(pair, written):
    for reader, sent in zip(pair, reversed(written), strict=True):
        assert sent.startswith(reader.received)
        states = reader.states
        assert states.count("lost") == 1
        assert states[-1] == "lost"
        assert states.count("eof") <= 1
        flow = [state for state in states if state in ("pause", "resume")]
        assert flow == (["pause", "resume"] * len(flow))[: len(flow)]
        if "eof" in reader.told:
            assert not any(
                isinstance(told, int) for told in reader.told[reader.told.index("eof") :]
            )


def test_bytes_come_in_order_and_an_end_comes_once(memory_pair):
    @settings(max_examples=150, deadline=None)
    @given(st.lists(operations, max_size=25))
    def holds(conversation):
        check(*asyncio.run(play(memory_pair, conversation)))

    holds()


@pytest.mark.slow
def test_nothing_is_lost_between_ends_that_read_all_and_end_in_order(memory_pair):
    peaceful = operations.filter(
        lambda operation: operation[0] not in ("close", "abort", "write_eof", "keep open")
    )

    @settings(max_examples=150, deadline=None)
    @given(st.lists(peaceful, max_size=25))
    def holds(conversation):
        pair, written = asyncio.run(play(memory_pair, conversation))
        check(pair, written)
        assert [recorder.received for recorder in reversed(pair)] == written
        assert [recorder.error for recorder in pair] == [None, None]

    holds()
