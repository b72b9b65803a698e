"""permessage-deflate by itself: what is agreed on, messages one by one."""

from __future__ import annotations

import threading
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wsrpc import deflate
from wsrpc.deflate import TooLarge, agree, inflate

BOTH = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


def decompressed(data: bytes, window_bits: int = 15) -> bytes:
    """Decompress one message as another implementation does, with nothing of another one."""
    return zlib.decompressobj(-window_bits).decompress(data + b"\x00\x00\xff\xff")


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate",
        " permessage-deflate ; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=8",
        'permessage-deflate; client_max_window_bits = "15"',
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate;client_no_context_takeover;server_no_context_takeover",
        "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
        "permessage-deflate; mux=1, permessage-deflate",
    ],
)
def test_neither_side_takes_a_context_over_whatever_was_offered(offer):
    assert agree(offer) == deflate.Agreement(15, BOTH)


@pytest.mark.parametrize("bits", range(9, 16))
def test_the_window_that_a_client_offers_is_kept(bits):
    for value in (f"={bits}", f' = "{bits}"'):
        agreement = agree(f"permessage-deflate; server_max_window_bits{value}")
        assert agreement == deflate.Agreement(bits, f"{BOTH}; server_max_window_bits={bits}")


@pytest.mark.parametrize(
    "offer",
    [
        "",
        "permessage-deflate2",
        "Permessage-Deflate",
        "x; permessage-deflate",
        "permessage-deflate;",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; server_max_window_bits=",
        'permessage-deflate; server_max_window_bits="10',
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; server_no_context_takeover=15",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; of_the_future",
    ],
)
def test_an_offer_that_cannot_be_met_is_declined(offer):
    assert agree(offer) is None


def test_the_first_offer_that_can_be_met_counts():
    offers = [8, 12, 15]
    text = ", ".join(f"permessage-deflate; server_max_window_bits={bits}" for bits in offers)
    agreement = agree(text)
    assert agreement is not None
    assert agreement.window_bits == 12


@given(st.text('ab_ ;,="18\t\xff'))
@example("permessage-deflate; " + "a" * 5000 + "=")
def test_no_header_breaks_the_handshake(text):
    agree(text)
    agree(f"permessage-deflate; {text}")


@given(st.lists(st.tuples(st.integers(9, 15), st.binary(), st.integers(1, 3000)), max_size=8))
def test_a_compressed_message_refers_to_nothing_but_itself(messages):
    for bits, piece, count in messages:
        text = piece * count
        data = deflate.deflate(text, bits)
        assert decompressed(data, bits) == text
        assert inflate(data, len(text)) == text


def test_one_compressor_of_each_window_serves_all_messages(monkeypatch):
    made = []
    make = zlib.compressobj
    monkeypatch.setattr(zlib, "compressobj", lambda *args: made.append(args[2]) or make(*args))
    monkeypatch.setattr(deflate, "_kept", deflate._Kept())
    for _ in range(3):
        for bits in (9, 15):
            deflate.deflate(b"text", bits)
    thread = threading.Thread(target=deflate.deflate, args=(b"of another loop", 15))
    thread.start()
    thread.join()
    assert made == [-9, -15, -15]


def test_a_compressor_that_was_interrupted_is_not_used_again(monkeypatch):
    monkeypatch.setattr(deflate, "_kept", deflate._Kept())
    deflate.deflate(b"before", 15)
    whole = deflate._kept.by_window[15]

    class Interrupted:
        def compress(self, text):
            return whole.compress(text)

        def flush(self, mode):
            raise MemoryError

    deflate._kept.by_window[15] = Interrupted()
    with pytest.raises(MemoryError):
        deflate.deflate(b"lost", 15)
    assert decompressed(deflate.deflate(b"after", 15)) == b"after"


@pytest.mark.parametrize(
    "data",
    [
        "f2 48 cd c9 c9 07 00",  # RFC 7692, section 7.2.3.1
        "00 05 00 fa ff 48 65 6c 6c 6f 00",  # 7.2.3.3
        "f3 48 cd c9 c9 07 00 00",  # 7.2.3.4
        "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",  # 7.2.3.5
    ],
)
def test_the_examples_of_the_standard_are_read(data):
    assert inflate(bytes.fromhex(data), 5) == b"Hello"


def test_what_follows_a_final_block_may_refer_to_what_was_before_it():
    first = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = first.compress(b"once upon a time") + first.flush(zlib.Z_FINISH)
    second = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=b"once upon a time")
    data += second.compress(b"once upon a time") + second.flush(zlib.Z_SYNC_FLUSH)
    assert inflate(data[:-4], 100) == b"once upon a time" * 2
    with pytest.raises(TooLarge):
        inflate(data[:-4], 31)


@pytest.fixture
def produced(monkeypatch):
    """Give what is decompressed, piece by piece."""
    pieces = []
    make = zlib.decompressobj

    class Watched:
        def __init__(self, *args, **options):
            self._stream = make(*args, **options)

        def __getattr__(self, name):
            return getattr(self._stream, name)

        def decompress(self, data, most):
            pieces.append(self._stream.decompress(data, most))
            return pieces[-1]

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    return pieces


def test_many_final_blocks_are_refused():
    one = zlib.compress(b"", wbits=-15)
    assert inflate(one * 60, 100) == b""
    with pytest.raises(ValueError, match="more than 64 streams"):
        inflate(one * 64, 100)


@pytest.mark.parametrize("data", ["f2 00 11 00 00", "ff ff ff", "06"])
def test_what_is_not_compressed_is_refused(data):
    with pytest.raises(ValueError, match="a compressed message is broken"):
        inflate(bytes.fromhex(data), 100)


def test_a_message_is_decompressed_no_further_than_its_limit(produced):
    bomb = deflate.deflate(bytes(5_000_000), 15)
    assert len(bomb) < 25_000
    with pytest.raises(TooLarge):
        inflate(bomb, 4_999_999)
    with pytest.raises(TooLarge):
        inflate(bomb, 1000)
    with pytest.raises(TooLarge):
        inflate(zlib.compress(bytes(900), wbits=-15) * 3, 1000)
    assert [len(text) for text in produced] == [5_000_000, 1001, 900, 101]


def test_what_is_given_is_not_changed():
    data = bytearray(deflate.deflate(b"text", 15))
    before = bytes(data)
    assert inflate(data, 4) == b"text"
    assert data == before
