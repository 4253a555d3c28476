"""From packed bytes to unpacked ones: gzip, zstandard, xz and bzip2, in a thread of their own and within bounds.

The thread only ever computes: the caller's thread reads the source. So nothing of this can hang on a network, and the
thread always ends with the `with` block.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pyv.archive.model import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyv.archive.model import Limits

_READ = 128 * 1024  # packed bytes in one block: about 400 KiB when unpacked
_PIECE = 512 * 1024  # most unpacked bytes in one piece, so that memory stays bounded whatever the ratio
# Members differ: some are many bytes and little work to write, some the reverse. So much may wait on either side of the
# thread that neither has to wait for the other (with two and four, a sixth slower), and it is 5 MiB at most.
_BLOCKS_AHEAD = 8
_PIECES_AHEAD = 8

# Four bytes of zstandard can unpack to 128 KiB, and its decoder knows no bound but what it is fed: this much at a time.
_ZSTD_SLICE = 512
# `xz -9` needs 65 MiB to unpack.
_XZ_MEMORY = 80 * 2**20


class Source(Protocol):
    """Where packed bytes come from: a file, or a download under way.

    One that can make its reader wait has another method, `ready() -> bool`: whether enough is there to be read at once.
    What is unpacked already is then not held up by what is still to come.
    """

    def read(self, size: int, /) -> bytes:
        """At most that many bytes; none only at the end. What it raises passes through."""


class _Codec(NamedTuple):
    """How one format is unpacked: a fresh decoder for each stream in the file, and what that decoder raises."""

    new: Callable[[], Any]
    errors: tuple[type[Exception], ...]


def gzip_codec(engine: Any = None) -> _Codec:  # noqa: ANN401 - zlib and isal_zlib are modules of one shape
    """Inflate with isal where it is installed, in half the time, else with zlib."""
    if engine is None:
        try:
            from isal import isal_zlib as engine
        except ImportError:
            import zlib as engine
    return _Codec(lambda: engine.decompressobj(31), (engine.error,))


def _xz_codec() -> _Codec:
    import lzma

    return _Codec(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY), (lzma.LZMAError,))


def _bz2_codec() -> _Codec:
    import bz2

    return _Codec(bz2.BZ2Decompressor, (OSError, ValueError))


class _Zstd:
    """zstandard's decoder in the shape of the other three."""

    def __init__(self, decoder: Any) -> None:  # noqa: ANN401 - the class of the object has no public name
        self._decoder = decoder
        self.eof = False
        self.unconsumed_tail = self.unused_data = b""

    def decompress(self, data: bytes, size: int) -> bytes:
        parts = []
        total = 0
        at = 0
        while at < len(data) and total < size and not self.eof:
            part = self._decoder.decompress(data[at : at + _ZSTD_SLICE])
            at += _ZSTD_SLICE
            total += len(part)
            parts.append(part)
            self.eof = self._decoder.eof
        rest = data[at:]
        if self.eof:
            self.unused_data = self._decoder.unused_data + rest
        else:
            self.unconsumed_tail = rest
        return b"".join(parts)


def _zstd_codec() -> _Codec:
    import zstandard

    # Refuses a window of more than 128 MiB, which is what upstream's level 22 uses.
    factory = zstandard.ZstdDecompressor()
    return _Codec(lambda: _Zstd(factory.decompressobj()), (zstandard.ZstdError,))


CODECS: dict[str, Callable[[], _Codec]] = {
    ".tar.gz": gzip_codec,
    ".tgz": gzip_codec,
    ".tar.zst": _zstd_codec,
    ".tar.xz": _xz_codec,
    ".tar.bz2": _bz2_codec,
}


def decode(blocks: Iterator[bytes], codec: _Codec) -> Iterator[bytes]:
    """Unpack what the blocks hold: streams one after the other, and zeros between and behind them.

    Raises:
        RefusedError: they hold something else, or end too early.
    """
    decoder: Any = None
    begun = False
    for block in blocks:
        data = block
        while True:
            if decoder is None:
                # Tapes and some mirrors pad with zeros; anything else behind a stream has to be another one.
                data = data.lstrip(b"\0") if begun else data
                if not data:
                    break
                decoder = codec.new()
                begun = True
            try:
                piece = decoder.decompress(data, _PIECE)
            except codec.errors as error:
                raise RefusedError(f"damaged, or not what its name says ({error})") from error
            for at in range(0, len(piece), _PIECE):  # only zstandard's can be longer
                yield piece[at : at + _PIECE]
            if decoder.eof:
                data, decoder = decoder.unused_data, None
                continue
            data = getattr(decoder, "unconsumed_tail", b"")
            # A piece that is full says that there may be more, even where all input has been taken in.
            if not data and len(piece) < _PIECE:
                break
    if decoder is not None:
        raise RefusedError("truncated: its compressed data ends too early")


class _Ahead:
    """Runs decode in a thread, a few pieces ahead of the reader."""

    def __init__(self, codec: _Codec) -> None:
        self._codec = codec
        self._blocks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        # A piece; or None: a block is used up; or b"": that was all; or what went wrong.
        self._results: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()
        self._places = threading.Semaphore(_PIECES_AHEAD)
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="pyv-unpack")

    def _work(self) -> None:
        try:
            for piece in decode(self._take(), self._codec):
                self._places.acquire()
                if self._stopped:
                    return
                self._results.put(piece)
        except BaseException as error:  # noqa: BLE001 - raised again in the reader's thread
            self._results.put(error)
        else:
            self._results.put(b"")

    def _take(self) -> Iterator[bytes]:
        while (block := self._blocks.get()) is not None:
            yield block
            self._results.put(None)

    def pieces(self, read: Callable[[], bytes], ready: Callable[[], bool]) -> Iterator[bytes]:
        self._thread.start()
        given = 0
        ended = False
        while True:
            while not ended and (not given or (given < _BLOCKS_AHEAD and ready())):
                block = read()
                ended = not block
                given += 1
                self._blocks.put(block or None)
            result = self._results.get()
            if result is None:
                given -= 1
            elif isinstance(result, BaseException):
                raise result
            elif result:
                self._places.release()
                yield result
            else:
                return

    def stop(self) -> None:
        if self._thread.ident is None:
            return
        self._stopped = True
        self._blocks.put(None)
        self._places.release()
        self._thread.join()


@contextlib.contextmanager
def unpacked(
    source: Source, codec: _Codec, *, limits: Limits, check: Callable[[], object] | None = None
) -> Iterator[Iterator[bytes]]:
    """The unpacked bytes of the source, in pieces of half a megabyte at most; when they end, so has the source.

    Args:
        source: read to its end, in the thread that asks for pieces.
        codec: how it is packed.
        limits: how much may come out, altogether and for each packed byte.
        check: called before each read; what it raises passes through.

    Raises:
        RefusedError: while iterating: damaged, truncated, or beyond the limits.
    """
    packed = 0

    def read() -> bytes:
        """A whole block, from however many reads, but for the last: small ones cost more time than waiting does."""
        nonlocal packed
        parts = []
        missing = _READ
        while missing:
            if check is not None:
                check()
            part = source.read(missing)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        packed += _READ - missing
        return b"".join(parts)

    def counted() -> Iterator[bytes]:
        total = 0
        for piece in ahead.pieces(read, getattr(source, "ready", lambda: True)):
            total += len(piece)
            if total > limits.total_bytes:
                raise RefusedError(f"it unpacks to more than {limits.total_bytes:,} bytes")
            if total > limits.ratio_from and total > packed * limits.ratio:
                raise RefusedError(f"a compression bomb: more than {limits.ratio} unpacked bytes for each packed one")
            yield piece

    ahead = _Ahead(codec)
    try:
        yield counted()
    finally:
        ahead.stop()
