"""What lies in a file: itself, or the members of the archive that it is."""

import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from claimstance.errors import DocumentUnreadable
from claimstance.inputs.address import Address, Opener
from claimstance.inputs.limits import MAX_BUFFERED, MAX_NESTING, MIB, inflation

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


def look(path: Path, name: str) -> Iterator[Leaf | Refused]:
    """Yield what lies in the file at `path`, archives looked into, in the archive's order."""
    try:
        status = path.stat()
        address = Address(str(path))
        stamp = f"{status.st_size} bytes, {status.st_mtime_ns}"
        leaf = Leaf(name, "", address, address, status.st_size, stamp)
        yield from _look(leaf, PurePosixPath(path.name), status.st_size, 0)
    except OSError as error:
        yield Refused(name, f"cannot be opened ({error.strerror})")


def _look(leaf: Leaf, path: PurePosixPath, on_disk: int, depth: int) -> Iterator[Leaf | Refused]:
    """Yield what lies in `leaf`, a file of any kind; errors in reading it refuse it."""
    try:
        *_, before, last = ("", *path.suffixes) if path.suffixes else ("", "", "")
        before, last = before.lower(), last.lower()
        if last == ".zip":
            yield from _archive(leaf, _zip(leaf, on_disk), on_disk, depth)
        elif last == ".tar" or last in _SHORT_TAR or (before == ".tar" and last in COMPRESSIONS):
            yield from _archive(leaf, _tar(_decompressed(leaf, last)), on_disk, depth)
        elif last in COMPRESSIONS:
            yield _leaf(_decompressed(leaf, last), before)
        else:
            yield _leaf(leaf, last)
    except DocumentUnreadable as error:
        yield Refused(leaf.name, error.message)
    except (zipfile.BadZipFile, tarfile.TarError, NotImplementedError, ValueError) as error:
        yield Refused(leaf.name, f"is no archive that can be read ({error})")


def _leaf(leaf: Leaf, suffix: str) -> Leaf | Refused:
    if suffix not in KINDS:
        known = ", ".join(KINDS)
        return Refused(leaf.name, f"its name ends in none of {known}, an archive's or .gz, .zst")
    return Leaf(leaf.name, KINDS[suffix], leaf.address, leaf.whole, leaf.size, leaf.stamp)


def _decompressed(leaf: Leaf, suffix: str) -> Leaf:
    kind = COMPRESSIONS.get(suffix) or _SHORT_TAR.get(suffix)
    if kind is None:
        return leaf
    # How large it is inside is only known by reading it; the limit on inflation holds meanwhile.
    return Leaf(
        leaf.name, "", leaf.address.then(kind), leaf.whole.then(kind), 4 * leaf.size, leaf.stamp
    )


def _archive(
    leaf: Leaf, members: Iterator[Leaf | Refused], on_disk: int, depth: int
) -> Iterator[Leaf | Refused]:
    """Yield what lies in an archive's members, those refused whose names or kinds are unfit."""
    if depth >= MAX_NESTING:
        raise DocumentUnreadable(f"is nested more than {MAX_NESTING} archives deep")
    for member in members:
        if isinstance(member, Refused):
            yield Refused(f"{leaf.name}/{member.source}", member.reason)
            continue
        path = PurePosixPath(member.name)
        name = f"{leaf.name}/{member.name}"
        if path.is_absolute() or ".." in path.parts or "\\" in member.name:
            yield Refused(name, "its name points outside of the archive")
            continue
        if "__MACOSX" in path.parts or path.name.startswith("."):
            continue  # what archivers add about files, no file itself
        renamed = Leaf(name, "", member.address, member.whole, member.size, member.stamp)
        yield from _look(renamed, path, on_disk, depth + 1)


def _zip(leaf: Leaf, on_disk: int) -> Iterator[Leaf | Refused]:
    with Opener().open(leaf.address) as stream:
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
            packed = sum(member.compress_size for member in members)
            if packed > max(leaf.size, on_disk):
                raise DocumentUnreadable("its members overlap: a decompression bomb")
            if sum(member.file_size for member in members) > inflation(on_disk):
                raise DocumentUnreadable(
                    "holds far more than its size lets expect: a decompression bomb"
                )
            for member in members:
                yield _zip_member(leaf, member, stream)


def _zip_member(leaf: Leaf, member: zipfile.ZipInfo, stream: BinaryIO) -> Leaf | Refused:
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Refused(member.filename, "is a link or a device, not a file")
    if member.flag_bits & 0x1:
        return Refused(member.filename, "is encrypted")
    if member.compress_type not in _ZIP_METHODS:
        return Refused(member.filename, f"is compressed by method {member.compress_type}")
    stream.seek(member.header_offset)
    header = stream.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size:
        return Refused(member.filename, "lies outside of the archive")
    start = member.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(header))
    address = leaf.address.then("slice", start, member.compress_size)
    method = _ZIP_METHODS[member.compress_type]
    if method:
        address = address.then(method)
    whole = address.then("checked", member.CRC, member.file_size)
    stamp = f"{member.file_size} bytes, CRC {member.CRC:08x}"
    return Leaf(member.filename, "", address, whole, member.file_size, stamp)


def _tar(leaf: Leaf) -> Iterator[Leaf | Refused]:
    with (
        Opener().open(leaf.address) as stream,
        tarfile.open(fileobj=stream, mode="r|") as archive,
    ):
        for member in archive:
            archive.members = []  # type: ignore[attr-defined]  # or all would be kept
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                yield Refused(member.name, "is a link, a device or sparse, not a plain file")
                continue
            address = leaf.address.then("slice", member.offset_data, member.size)
            stamp = f"{member.size} bytes, {member.mtime:.0f}"
            yield Leaf(member.name, "", address, address, member.size, stamp)
