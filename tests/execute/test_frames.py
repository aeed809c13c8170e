from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runner.execute.frames import LONGEST, Decoder, Frame, new_nonce

NONCE = "ab" * 16
KEY = b"\x1e" + NONCE.encode() + b" "

awkward = st.sampled_from(
    [b"\x1e", b"\n", b"\0", b"\xff", KEY[:5], KEY[:-1], b"\x1e" + b"cd" * 16 + b" bye ok 1\n"]
)
plain = st.lists(st.one_of(awkward, st.binary(max_size=8)), max_size=6).map(b"".join)
words = st.lists(st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True), min_size=1, max_size=4).map(tuple)
streams = st.lists(st.one_of(plain, words.map(Frame)), max_size=8)


def written(parts: list[bytes | Frame]) -> bytes:
    return b"".join(
        part if isinstance(part, bytes) else KEY + " ".join(part.words).encode() + b"\n" for part in parts
    )


def decoded(pieces: list[bytes]) -> tuple[bytes, list[Frame], list[bytes | Frame]]:
    decoder = Decoder(NONCE)
    found = [item for piece in pieces for item in decoder.feed(piece)] + [decoder.rest()]
    data = b"".join(item for item in found if isinstance(item, bytes))
    return data, [item for item in found if isinstance(item, Frame)], found


def no_key(part: bytes | Frame) -> bool:
    return isinstance(part, Frame) or KEY not in part


@given(streams.map(lambda parts: [part for part in parts if no_key(part)]))
def test_frames_and_data_survive_every_split(parts):
    data = b"".join(part for part in parts if isinstance(part, bytes))
    frames = [part for part in parts if isinstance(part, Frame)]
    stream = written(parts)
    if stream.count(KEY) != len(frames):
        return  # two pieces of data form a frame together
    for cut in range(len(stream) + 1):
        assert decoded([stream[:cut], stream[cut:]])[:2] == (data, frames)
    assert decoded([bytes([byte]) for byte in stream])[:2] == (data, frames)


@given(plain, st.lists(st.integers(0, 60), max_size=5))
def test_arbitrary_bytes_survive_every_split(noise, cuts):
    stream = noise + KEY + noise + KEY + b"begin a\n" + noise + KEY
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    whole = decoded([stream])
    parts = decoded(pieces)
    assert parts[:2] == whole[:2]


def test_a_forged_frame_is_data():
    forged = b"\x1e" + new_nonce().encode() + b" bye ok 1\n"
    assert decoded([forged]) == (forged, [], [forged, b""])


def test_a_frame_may_start_within_a_line():
    assert decoded([b"no newline" + KEY + b"end a 0 1 -\nmore"])[:2] == (
        b"no newlinemore",
        [Frame(("end", "a", "0", "1", "-"))],
    )


def test_an_incomplete_frame_is_replaced_by_its_repetition():
    data, frames, _ = decoded([b"x" + KEY + b"end a 1" + KEY + b"end a 124 5 timeout\ny"])
    assert data == b"xy"
    assert frames == [Frame(("end", "a", "124", "5", "timeout"))]


def test_a_partial_frame_is_held_back_then_returned():
    decoder = Decoder(NONCE)
    assert decoder.feed(b"text" + KEY[:10]) == [b"text"]
    assert decoder.feed(b"other") == [KEY[:10] + b"other"]


def test_an_endless_frame_is_data():
    data, frames, _ = decoded([KEY + b"x" * (LONGEST + 50)])
    assert frames == []
    assert data == KEY + b"x" * (LONGEST + 50)


def test_nul_and_ff_bytes_are_unchanged():
    assert decoded([b"\0\xff\x1e\0" + KEY + b"hb\n\xff"])[0] == b"\0\xff\x1e\0\xff"
