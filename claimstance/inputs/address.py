"""Where bytes lie: a file on disk, and the steps from its bytes to those meant."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from claimstance.errors import DocumentUnreadable
from claimstance.inputs.limits import BOMB, MIB, inflation

Step = tuple[Any, ...]
"""`("slice", offset, length)`, `("checked", crc32 or None, length)`, `("recode", encoding)` (to
UTF-8), or the name of a compression."""

BROKEN = (
    *(EOFError, OSError, ValueError, OverflowError, MemoryError),
    *(zlib.error, lzma.LZMAError, pa.ArrowException),
)
"""What the libraries raise on damaged compressed data."""


@dataclass(frozen=True, slots=True)
class Address:
    """A file's path and the steps from its bytes to the bytes meant.

    The member of a zip file is a slice of it, inflated; a run of rows in a compressed CSV is
    its stream decompressed, sliced. So any place can be opened without going through what is
    beside it, and nothing is ever unpacked to disk.
    """

    path: str
    steps: tuple[Step, ...] = ()

    def then(self, *step: Any) -> "Address":
        """Return the address one step further; a slice of a slice is one slice."""
        if self.steps and step[0] == self.steps[-1][0] == "slice":
            *before, (_, offset, length) = self.steps
            if step[1] + step[2] <= length:
                return Address(self.path, (*before, ("slice", offset + step[1], step[2])))
        return Address(self.path, (*self.steps, step))

    def to_json(self) -> list[Any]:
        """Return plain values for JSON; `from_json` reads them."""
        return [self.path, *map(list, self.steps)]

    @staticmethod
    def from_json(value: list[Any]) -> "Address":
        """Return the address that `to_json` wrote."""
        return Address(value[0], tuple(map(tuple, value[1:])))


class Opener:
    """Opens addresses; keeps the last compressed stream, so that going on in it reads it once.

    One opener serves one thread.
    """

    def __init__(self) -> None:
        self._key: Address | None = None
        self._stream: BinaryIO | None = None
        self._position = 0

    @contextmanager
    def open(self, address: Address) -> Iterator[BinaryIO]:
        """Give the bytes at `address` as a buffered stream, seekable where no step compresses.

        Raises:
            DocumentUnreadable: the file cannot be opened, is damaged, or holds far more than
                its size lets expect. Also raised while the stream is read.
        """
        try:
            with self._part(address) as stream:
                yield stream
        except BROKEN as error:
            self.close()
            reason = getattr(error, "strerror", None) or error or "ends too early"
            raise DocumentUnreadable(f"cannot be read, or is damaged ({reason})") from error

    def _part(self, address: Address) -> BinaryIO:
        """Return the stream at `address`; a slice of a compressed one goes on from the last."""
        steps = address.steps
        for index, step in enumerate(steps):
            if step[0] == "slice" and any(before[0] != "slice" for before in steps[:index]):
                inside = Address(address.path, steps[:index])
                stream = self._continue(inside, step[1], step[2])
                return _follow_all(stream, steps[index + 1 :], _limit(address))
        return _open(address)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the stream that was kept."""
        if self._stream is not None:
            self._stream.close()
        self._key = self._stream = None

    def _continue(self, inside: Address, offset: int, length: int) -> BinaryIO:
        """Return a slice of a compressed stream, going on from the last one where possible."""
        if self._key != inside or self._stream is None or self._position > offset:
            self.close()
            self._key, self._stream, self._position = inside, _open(inside), 0
        _skip(self._stream, offset - self._position)
        self._position = offset
        return io.BufferedReader(_Counted(self, self._stream, length), MIB)

    def advanced(self, count: int) -> None:
        """Note that the kept stream was read on by `count` bytes."""
        self._position += count


def _open(address: Address) -> BinaryIO:
    return _follow_all(Path(address.path).open("rb"), address.steps, _limit(address))


def _limit(address: Address) -> int:
    return inflation(Path(address.path).stat().st_size)


def _follow_all(stream: BinaryIO, steps: tuple[Step, ...], limit: int) -> BinaryIO:
    for step in steps:
        stream = _follow(stream, step, limit)
    return stream


def _follow(stream: BinaryIO, step: Step, limit: int) -> BinaryIO:
    kind = step[0]
    if kind == "slice":
        if stream.seekable():
            stream.seek(step[1])
        else:
            _skip(stream, step[1])
        return io.BufferedReader(_Part(stream, step[2]), MIB)
    if kind == "checked":
        return io.BufferedReader(_Checked(stream, step[1], step[2]), MIB)
    if kind == "recode":
        return io.BufferedReader(_Recoded(stream, step[1]), MIB)
    return io.BufferedReader(_Limited(DECOMPRESSORS[kind](stream), stream, limit), MIB)


class _Raw(io.RawIOBase):
    """A stream over another one; closing it closes the other."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        return bytes(self._source.read(size))

    def close(self) -> None:
        if not self.closed:
            self._source.close()
        super().close()


class _Part(_Raw):
    """The next `length` bytes of a stream."""

    def __init__(self, source: Any, length: int) -> None:
        super().__init__(source)
        self._left = length

    def _next(self, size: int) -> bytes:
        data = super()._next(min(size, self._left))
        if not data and self._left:
            raise EOFError("ends too early")
        self._left -= len(data)
        return data


class _Counted(_Part):
    """A part of an opener's kept stream; that stream stays open."""

    def __init__(self, owner: Opener, source: Any, length: int) -> None:
        super().__init__(source, length)
        self._owner = owner

    def _next(self, size: int) -> bytes:
        data = super()._next(size)
        self._owner.advanced(len(data))
        return data

    def close(self) -> None:
        io.RawIOBase.close(self)


class _Limited(_Raw):
    """A decompressed stream that may not grow past a limit; closing it closes what is under it."""

    def __init__(self, source: Any, under: BinaryIO, limit: int) -> None:
        super().__init__(source)
        self._under = under
        self._left = limit

    def close(self) -> None:
        super().close()
        self._under.close()

    def _next(self, size: int) -> bytes:
        data = super()._next(size)
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(BOMB)
        return data


class _Checked(_Raw):
    """A stream whose length, and CRC-32 where one is known, must be these when it ends."""

    def __init__(self, source: Any, crc: int | None, length: int) -> None:
        super().__init__(source)
        self._crc, self._left, self._seen = crc, length, 0

    def _next(self, size: int) -> bytes:
        data = super()._next(size)
        self._seen = zlib.crc32(data, self._seen)
        self._left -= len(data)
        if self._left < 0 or (not data and self._left):
            raise ValueError("its length is not the one it was said to have")
        if not data and self._crc not in (None, self._seen):
            raise ValueError("its checksum is not the one the archive names")
        return data


class _Recoded(_Raw):
    """A text in another encoding, as UTF-8; what does not decode becomes U+FFFD."""

    def __init__(self, source: Any, encoding: str) -> None:
        super().__init__(source)
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready = b""

    def _next(self, size: int) -> bytes:
        while not self._ready:
            data = super()._next(MIB)
            self._ready = self._decoder.decode(data, final=not data).encode()
            if not data:
                break
        data, self._ready = self._ready[:size], self._ready[size:]
        return data


class _Inflated(_Raw):
    """A raw deflate stream, as zip files hold them."""

    def __init__(self, source: Any) -> None:
        super().__init__(source)
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def _next(self, size: int) -> bytes:
        while not self._inflate.eof:
            data = self._inflate.unconsumed_tail or super()._next(MIB)
            if not data:
                raise EOFError("ends too early")
            inflated = self._inflate.decompress(data, size)
            if inflated:
                return inflated
        return b""


DECOMPRESSORS: dict[str, Any] = {
    "deflate": _Inflated,
    "gzip": lambda stream: gzip.GzipFile(fileobj=stream),
    "zstd": lambda stream: pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd"),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
}
"""How each compression is undone: a function of the compressed stream."""


def _skip(stream: BinaryIO, count: int) -> None:
    while count:
        data = stream.read(min(count, MIB))
        if not data:
            raise EOFError("ends too early")
        count -= len(data)


def shown(name: str) -> str:
    """Return a path or name as it can be printed: bytes that are no UTF-8 are shown escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
