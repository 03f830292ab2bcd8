"""The one door to zstd: the standard library's from Python 3.14 on, its backport before."""

from __future__ import annotations

import sys
from typing import IO

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ZstdError = zstd.ZstdError
Compressor = zstd.ZstdCompressor
Reader = zstd.ZstdFile


def compressor(level: int, *, checksum: bool = False) -> Compressor:
    """Return a compressor; each frame it writes is whole by itself."""
    options = {
        int(zstd.CompressionParameter.compression_level): level,
        int(zstd.CompressionParameter.checksum_flag): int(checksum),
    }
    return zstd.ZstdCompressor(options=options)


def frame(squeeze: Compressor, content: bytes) -> bytes:
    """Return the content as one frame."""
    return squeeze.compress(content, zstd.ZstdCompressor.FLUSH_FRAME)


def at_most(content: bytes, size: int) -> bytes:
    """Return the first ``size`` bytes a frame holds; never allocates much more, whatever its header says.

    Raises:
        ZstdError: it is no zstd frame.
    """
    return zstd.ZstdDecompressor(options=_BOUNDED).decompress(content, max_length=size)


def reader(raw: IO[bytes]) -> Reader:
    """Return a stream of what the frames of a file hold; a file cut short raises ``EOFError``."""
    return zstd.ZstdFile(raw, options=_BOUNDED)


_BOUNDED = {int(zstd.DecompressionParameter.window_log_max): 27}  # 128 MB; a frame that wants more is refused
