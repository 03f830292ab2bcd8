"""Frames: what our script writes is read back to the byte, and what it would not write is never believed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.transports.frames import ForgedFrameError, Frame, FrameReader

NONCE = "0123456789abcdef" * 2
MARK = b"\n%" + NONCE.encode() + b" "
HELLO = MARK + b"H 1000 -ts\n"


def begin(index: int) -> bytes:
    return MARK + b"B %d\n" % index


def end(index: int, status: bytes = b"0 10.00 10.25 u") -> bytes:
    return MARK + b"E %d %s\n" % (index, status)


def read(reply: bytes, caps: list[int], size: int = 7) -> tuple[list[Frame], FrameReader, ForgedFrameError | None]:
    reader = FrameReader(NONCE, caps, with_status=True)
    try:
        for at in range(0, len(reply), size):
            reader.feed(reply[at : at + size])
    except ForgedFrameError as forged:
        return reader.ready, reader, forged
    return reader.ready, reader, None


@settings(max_examples=100, deadline=None)
@given(
    contents=st.lists(st.binary(max_size=80), min_size=1, max_size=5),
    size=st.integers(1, 90),
    noise=st.binary(max_size=20),
)
def test_every_byte_comes_back_however_the_reply_is_cut(contents: list[bytes], size: int, noise: bytes) -> None:
    reply = (
        noise + HELLO + noise + b"".join(begin(n) + c + end(n) + noise for n, c in enumerate(contents)) + MARK + b"Z\n"
    )
    frames, reader, forged = read(reply, [100] * len(contents), size)
    assert forged is None
    assert reader.finished
    assert [frame.content for frame in frames] == contents
    assert all((frame.exit_code, frame.duration_ms, frame.cut) == (0, 250, False) for frame in frames)


def test_content_beyond_the_cap_is_counted_as_cut_and_not_kept() -> None:
    frames, reader, _ = read(HELLO + begin(0) + b"x" * 50_000 + end(0, b"141 1 2 s") + MARK + b"Z\n", [1000], 4096)
    assert (len(frames[0].content), frames[0].cut, frames[0].exit_code, frames[0].how) == (1000, True, 141, "s")
    assert reader.finished


def test_an_endless_frame_needs_no_more_than_its_cap() -> None:
    reader = FrameReader(NONCE, [1000], with_status=True)
    reader.feed(HELLO + begin(0))
    for _ in range(200):
        reader.feed(b"\0" * 65_536)
    assert len(reader.partial()) == 1000
    assert len(reader._pending) < 100


FORGED = {
    "the same command twice": (begin(0) + end(0) + begin(0), {0}),
    "another command's place": (begin(1), {1}),
    "an end that was never begun": (end(0), {0}),
    "an end of another command": (begin(0) + end(1), {0, 1}),
    "an end said twice": (begin(0) + end(0) + end(0), {0}),
    "a beginning inside a frame": (begin(0) + b"x" + begin(1), {0, 1}),
    "a command that was never sent": (begin(0) + end(0) + begin(1) + end(1) + begin(2), {2}),
    "a second hello": (MARK + b"H 0 -t\n", set()),
    "an exit code that is none": (begin(0) + end(0, b"9999 1 2 u"), {0}),
    "a time that is none": (begin(0) + end(0, b"0 nan inf u"), {0}),
    "a last frame too early": (MARK + b"Z\n", set()),
    "words after the last frame": (begin(0) + end(0) + begin(1) + end(1) + MARK + b"Z\n" + end(1), {1}),
    "a line without end": (begin(0) + MARK + b"E 0 " + b"0" * 5000, {0}),
    "a number too long to be one": (MARK + b"B " + b"9" * 100 + b"\n", set()),
}


@pytest.mark.parametrize(("reply", "spoiled"), FORGED.values(), ids=FORGED.keys())
def test_a_frame_that_our_script_would_not_write_ends_the_reading(reply: bytes, spoiled: set[int]) -> None:
    frames, _, forged = read(HELLO + reply, [100, 100])
    assert forged is not None
    assert set(forged.spoiled) >= spoiled
    assert len({frame.index for frame in frames}) == len(frames)


def test_a_beginning_before_the_hello_is_forged() -> None:
    assert read(begin(0), [100])[2] is not None


def test_a_frame_with_another_nonce_is_only_content() -> None:
    other = begin(1).replace(b"0123", b"ffff")
    frames, _, forged = read(HELLO + begin(0) + other + end(0), [1000, 1000])
    assert forged is None
    assert frames[0].content == other


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [HELLO, begin(0), end(0), begin(1), end(1), begin(2), end(2), MARK + b"Z\n", b"noise", MARK, b"\n"]
        ),
        max_size=14,
    )
)
def test_no_order_of_frames_is_accepted_twice_or_out_of_order(pieces: list[bytes]) -> None:
    frames, reader, _ = read(b"".join(pieces), [100] * 3)
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert not reader.finished or len(frames) == 3
