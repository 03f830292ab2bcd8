"""The framed reply of a batch, read as a bounded stream: a host can spoil its own answers and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


class ForgedFrameError(ValueError):
    """The frames do not follow one another as our script would have written them."""

    def __init__(self, message: str, spoiled: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.spoiled = spoiled
        """Indices of commands that can no longer be believed, accepted earlier or not."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What the shell said of itself before the first command."""

    account_id: int | None
    """Numeric user id; ``None`` when the host could not say."""
    has_timeout: bool
    has_sudo: bool
    nice: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """What one command said on one of the two streams."""

    index: int
    content: bytes
    cut: bool
    """Whether there was more than the cap."""
    exit_code: int | None = None
    duration_ms: int = 0
    how: str = ""
    """``u`` run as it is, ``s`` through sudo, ``m`` program missing, ``x`` sudo missing; empty on standard error."""


class FrameReader:
    """Reads the frames of one stream; holds at most the content of one frame up to its cap.

    The grammar is strict: hello, then begin and end of every command in the order they were sent, then the last frame;
    or, where the script may ``defer`` from a command on, the frame that says so instead of that command's.
    Any other frame that carries the nonce ends the reading, because only a host that forges could have written it.
    """

    def __init__(self, nonce: str, caps: Sequence[int], *, with_status: bool, defer: int | None = None) -> None:
        self.hello: Hello | None = None
        self.finished = False
        self.deferred = False
        """Whether the commands from ``defer`` on were left for a shell of root's."""
        self.opened: int | None = None
        """The command whose frame is open."""
        self.ready: list[Frame] = []
        """Frames completed and not yet taken away by the caller."""
        self._caps = caps
        self._defer = defer
        self._with_status = with_status
        self._mark = b"\n%" + nonce.encode() + b" "
        self._pending = bytearray()
        self._content = bytearray()
        self._excess = 0
        self._next = 0

    def feed(self, chunk: bytes) -> None:
        """Add what arrived; completed frames stand in ``ready``, also when a later frame of the chunk is forged.

        Raises:
            ForgedFrameError: a frame is out of order, repeated, unknown or malformed.
        """
        self._pending += chunk
        while (at := self._pending.find(self._mark)) >= 0:
            end = self._pending.find(b"\n", at + len(self._mark))
            if end < 0:
                if len(self._pending) - at > _MAX_LINE:
                    raise self._forged("a frame line has no end")
                self._keep(self._take(at))
                return
            line = bytes(self._pending[at + len(self._mark) : end])
            self._keep(self._take(at))
            del self._pending[: end + 1 - at]
            frame = self._read(line)
            if frame is not None:
                self.ready.append(frame)
        self._keep(self._take(len(self._pending) - len(self._mark)))

    def partial(self) -> bytes:
        """Return what the open frame has said so far."""
        return bytes(self._content)

    @property
    def answered(self) -> int:
        """How many frames are complete."""
        return self._next

    @property
    def excess(self) -> int:
        """How many bytes the open frame has said beyond its cap."""
        return self._excess

    def _take(self, count: int) -> bytes:
        if count <= 0:
            return b""
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        return taken

    def _keep(self, content: bytes) -> None:
        """Add content to the open frame up to its cap; noise between frames is dropped."""
        if self.opened is None or not content:
            return
        room = self._caps[self.opened] - len(self._content)
        self._content += content[: max(room, 0)]
        self._excess += max(len(content) - max(room, 0), 0)

    def _read(self, line: bytes) -> Frame | None:
        if self.finished:
            raise self._forged("a frame after the last one", line)
        if found := _BEGIN.fullmatch(line):
            self._begin(int(found[1]))
            return None
        if found := (_END_STATUS if self._with_status else _END).fullmatch(line):
            return self._end(found)
        if self._with_status and line == b"Z" and self.opened is None and self._next == len(self._caps):
            self.finished = True
            return None
        if self._with_status and line == b"R" and self.opened is None and self._next == self._defer:
            self.finished = self.deferred = True
            return None
        if self._with_status and self.hello is None and (found := _HELLO.fullmatch(line)):
            self.hello = _hello(found)
            return None
        raise self._forged("a frame that our script does not write", line)

    def _begin(self, index: int) -> None:
        if (self._with_status and self.hello is None) or self.opened is not None or index != self._next:
            raise self._forged(f"command {index} begins where {self._next} should", spoiled=index)
        if index >= len(self._caps):
            raise self._forged(f"command {index} was never sent", spoiled=index)
        self.opened = index
        self._content = bytearray()
        self._excess = 0

    def _end(self, found: re.Match[bytes]) -> Frame:
        index = int(found[1])
        if index != self.opened:
            raise self._forged(f"command {index} ends but is not open", spoiled=index)
        content, self._content = bytes(self._content), bytearray()
        cut, self._excess = self._excess > 0, 0
        self.opened = None
        self._next += 1
        if not self._with_status:
            self.finished = self._next == len(self._caps)
            return Frame(index, content, cut)
        exit_code = None if found[2] == b"?" else int(found[2])
        duration_ms = max(0, round((float(found[4]) - float(found[3])) * 1000))
        return Frame(index, content, cut, exit_code, duration_ms, found[5].decode())

    def _forged(self, message: str, line: bytes = b"", *, spoiled: int | None = None) -> ForgedFrameError:
        named = [int(number) for number in re.findall(rb"\A[BE] (\d{1,6})", line)]
        suspects = {number for number in (*named, spoiled, self.opened) if number is not None}
        return ForgedFrameError(message, tuple(sorted(suspects)))


_MAX_LINE = 200  # the longest frame line we write has about 90 bytes
_BEGIN = re.compile(rb"B (\d{1,6})")
_END = re.compile(rb"E (\d{1,6})")
_END_STATUS = re.compile(rb"E (\d{1,6}) (\d{1,3}|\?) (\d{1,10}(?:\.\d{1,6})?) (\d{1,10}(?:\.\d{1,6})?) ([usmx])")
_HELLO = re.compile(rb"H (\d{1,10}|-) -([trsn]{0,3})")


def _hello(found: re.Match[bytes]) -> Hello:
    has = found[2]
    return Hello(
        account_id=None if found[1] == b"-" else int(found[1]),
        has_timeout=b"t" in has,
        has_sudo=b"s" in has,
        nice=b"r" in has or b"n" in has,
    )
