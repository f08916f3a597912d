"""What lies in a file: itself, or the members of the archive that it is."""

import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Self

from claimstance.errors import DocumentUnreadable
from claimstance.inputs.address import Address, Opener, shown
from claimstance.inputs.limits import BOMB, MAX_BUFFERED, MAX_NESTING, MIB, inflation

KINDS = {
    ".txt": "text",
    ".text": "text",
    ".html": "html",
    ".htm": "html",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
"""What a file holds, by the ending of its name."""

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}
_SHORT_TAR = {".tgz": "gzip", ".tzst": "zstd", ".tbz2": "bz2", ".txz": "xz"}
_ZIP_METHODS = {zipfile.ZIP_STORED: None, zipfile.ZIP_DEFLATED: "deflate", zipfile.ZIP_BZIP2: "bz2"}
_LOCAL_HEADER = struct.Struct("<26xHH")

_NO_ARCHIVE = (
    *(zipfile.BadZipFile, tarfile.TarError, struct.error),
    *(NotImplementedError, ValueError, LookupError, OverflowError, MemoryError, RecursionError),
)
"""What the libraries raise on files that are no archives, or are made to harm."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A file that holds documents, on disk or in an archive.

    `name` is its path, through archives too; `size` its bytes (decompressed where the archive
    tells); `stamp` changes when it does; `whole` reads it with its checksum, where it has one.
    """

    name: str
    kind: str
    address: Address
    whole: Address
    size: int
    stamp: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An input, or a file in one, that gives no document, and why."""

    source: str
    reason: str


@dataclass
class _Room:
    """How many bytes the archives in one file on disk may still hold, one in another included.

    `names` counts the names met, by their hashes: of a million members they are all in memory.
    """

    left: int
    opener: Opener = field(default_factory=Opener)
    names: dict[int, int] = field(default_factory=dict)

    def take(self, size: int) -> None:
        """Use up `size` bytes."""
        self.left -= size
        if self.left < 0:
            raise DocumentUnreadable(BOMB)

    def own(self, name: str) -> str:
        """Return `name`, numbered where it was met before: archives may hold a name twice."""
        count = self.names.get(hash(name), 0) + 1
        self.names[hash(name)] = count
        return name if count == 1 else self.own(f"{name} ({count})")


def look(path: Path, name: str) -> Iterator[Leaf | Refused]:
    """Yield what lies in the file at `path`, archives looked into, in the archive's order.

    It is gone through before, so that of a decompression bomb nothing is taken.
    """
    try:
        status = path.stat()
        address = Address(str(path))
        stamp = f"{status.st_size} bytes, {status.st_mtime_ns}"
        leaf = Leaf(name, "", address, address, status.st_size, stamp)
        for trial in (True, False):
            room = _Room(inflation(status.st_size))
            for part in _look(leaf, PurePosixPath(path.name), room, 0):
                if isinstance(part, Refused) and BOMB in part.reason:
                    yield Refused(name, part.reason)
                    return
                if not trial:
                    yield part
    except OSError as error:
        yield Refused(name, f"cannot be opened ({error.strerror})")


def _look(leaf: Leaf, path: PurePosixPath, room: _Room, depth: int) -> Iterator[Leaf | Refused]:
    """Yield what lies in `leaf`, a file of any kind; errors in reading it refuse it."""
    try:
        *_, before, last = ("", *path.suffixes) if path.suffixes else ("", "", "")
        before, last = before.lower(), last.lower()
        if last == ".zip":
            yield from _archive(leaf, _zip(leaf, room), room, depth)
        elif last == ".tar" or last in _SHORT_TAR or (before == ".tar" and last in COMPRESSIONS):
            yield from _archive(leaf, _tar(_decompressed(leaf, last)), room, depth)
        elif last in COMPRESSIONS:
            found = _leaf(_decompressed(leaf, last), before)
            yield _measured(found, room) if isinstance(found, Leaf) else found
        else:
            yield _leaf(leaf, last)
    except DocumentUnreadable as error:
        yield Refused(leaf.name, error.message)
    except _NO_ARCHIVE as error:
        reason = str(error) or type(error).__name__
        yield Refused(leaf.name, f"is no archive that can be read ({reason})")


def _leaf(leaf: Leaf, suffix: str) -> Leaf | Refused:
    if suffix not in KINDS:
        known = ", ".join(KINDS)
        return Refused(leaf.name, f"its name ends in none of {known}, an archive's or .gz, .zst")
    return replace(leaf, kind=KINDS[suffix])


def _decompressed(leaf: Leaf, suffix: str) -> Leaf:
    kind = COMPRESSIONS.get(suffix) or _SHORT_TAR.get(suffix)
    if kind is None:
        return leaf
    return replace(leaf, address=leaf.address.then(kind), whole=leaf.whole.then(kind))


def _measured(leaf: Leaf, room: _Room) -> Leaf:
    """Return a compressed file with the size of what it holds, which has to be in the room left."""
    size = 0
    with room.opener.open(leaf.whole) as stream:
        while data := stream.read(MIB):
            size += len(data)
            room.take(len(data))
    return replace(leaf, size=size)


def _archive(
    leaf: Leaf, members: Iterator[Leaf | Refused], room: _Room, depth: int
) -> Iterator[Leaf | Refused]:
    """Yield what lies in an archive's members, those refused whose names or kinds are unfit."""
    if depth >= MAX_NESTING:
        raise DocumentUnreadable(f"is nested more than {MAX_NESTING} archives deep")
    empty = True
    for member in members:
        empty = False
        inside = member.source if isinstance(member, Refused) else member.name
        name = room.own(f"{leaf.name}/{shown(inside)}")
        path = PurePosixPath(inside)
        if isinstance(member, Refused):
            yield replace(member, source=name)
        elif path.is_absolute() or ".." in path.parts or "\\" in inside:
            yield Refused(name, "its name points outside of the archive")
        elif path.name.startswith("."):
            yield Refused(name, "is hidden (a dot begins its name)")
        else:
            room.take(member.size)
            yield from _look(replace(member, name=name), path, room, depth + 1)
    if empty:
        raise DocumentUnreadable("holds no file")


def _zip(leaf: Leaf, room: _Room) -> Iterator[Leaf | Refused]:
    with room.opener.open(leaf.address) as stream:
        if not stream.seekable():
            data = stream.read(MAX_BUFFERED + 1)
            if len(data) > MAX_BUFFERED:
                raise DocumentUnreadable(
                    f"is a zip file of over {MAX_BUFFERED // MIB} MiB inside a compressed "
                    "archive; unpack it first"
                )
            stream = io.BytesIO(data)
        with zipfile.ZipFile(stream) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            sound = [member for member in members if _unsound(member, leaf.size) is None]
            if sum(member.compress_size for member in sound) > leaf.size:
                raise DocumentUnreadable("its members overlap: a decompression bomb")
            if sum(member.file_size for member in sound) > room.left:
                raise DocumentUnreadable(BOMB)
            for member in members:
                yield _zip_member(leaf, member, stream)


def _unsound(member: zipfile.ZipInfo, size: int) -> str | None:
    """Tell what is wrong with a member as the directory of a zip file of `size` bytes has it."""
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "is a link or a device, not a file"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if member.compress_type not in _ZIP_METHODS:
        return f"is compressed by method {member.compress_type}; pack it with deflate"
    if member.header_offset + _LOCAL_HEADER.size + member.compress_size > size:
        return "lies outside of the archive"
    if member.file_size > inflation(member.compress_size):
        return f"names {member.file_size} bytes, which its size cannot hold: damage, or a bomb"
    return None


def _zip_member(leaf: Leaf, member: zipfile.ZipInfo, stream: BinaryIO) -> Leaf | Refused:
    if reason := _unsound(member, leaf.size):
        return Refused(member.filename, reason)
    stream.seek(member.header_offset)
    header = stream.read(_LOCAL_HEADER.size)
    start = member.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(header))
    address = leaf.address.then("slice", start, member.compress_size)
    method = _ZIP_METHODS[member.compress_type]
    if method:
        address = address.then(method)
    whole = address.then("checked", member.CRC, member.file_size)
    stamp = f"{member.file_size} bytes, CRC {member.CRC:08x}"
    return Leaf(member.filename, "", address, whole, member.file_size, stamp)


_EndMark, _NoMore = tarfile.EOFHeaderError, tarfile.EmptyHeaderError  # type: ignore[attr-defined]
_DESCRIBING = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
"""Types of headers whose own data describe the next member."""


class _Header(tarfile.TarInfo):
    """A tar header that tells of damage, which the library takes for the archive's end."""

    @classmethod
    def fromtarfile(cls, archive: Any) -> Self:
        """Return the next header."""
        try:
            return super().fromtarfile(archive)
        except _EndMark:
            archive.ended = True
            raise
        except tarfile.HeaderError as error:
            if archive.offset == 0:
                raise tarfile.ReadError(str(error)) from None
            if archive.ended and isinstance(error, _NoMore):
                raise
            reason = "no end mark" if isinstance(error, _NoMore) else str(error)
            raise DocumentUnreadable(
                f"is damaged at byte {archive.offset} ({reason}); what follows is not read"
            ) from None

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> Self:
        """Return the header in a block; one that would have the memory filled is refused."""
        found = super().frombuf(buf, encoding, errors)
        if found.size < 0 or (found.type in _DESCRIBING and found.size > MIB):
            raise DocumentUnreadable(
                f"has a header that names {found.size} bytes; what follows is not read"
            )
        return found


class _Tar(tarfile.TarFile):
    """A tar file that knows whether its end mark was met."""

    tarinfo = _Header
    members: list[tarfile.TarInfo]
    ended = False


def _tar(leaf: Leaf) -> Iterator[Leaf | Refused]:
    # Zeros are what ends an archive; others may follow in the same file.
    with (
        Opener().open(leaf.address) as stream,
        _Tar.open(fileobj=stream, mode="r|", ignore_zeros=True) as archive,
    ):
        for member in archive:
            archive.members.clear()  # or all would be kept
            if member.isdir():
                continue
            if not member.isreg() or member.issparse() or member.size < 0:
                yield Refused(member.name, "is a link, a device or sparse, not a plain file")
                continue
            address = leaf.address.then("slice", member.offset_data, member.size)
            stamp = f"{member.size} bytes, {member.mtime:.0f}"
            yield Leaf(member.name, "", address, address, member.size, stamp)
