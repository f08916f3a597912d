"""The files that a user means by paths, folders and patterns."""

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from claimstance.errors import DocumentUnreadable
from claimstance.inputs.containers import Refused


@dataclass(frozen=True, slots=True)
class File:
    """A file on disk: its path, bytes, and time of change in nanoseconds."""

    path: str
    size: int
    changed: int


def discover(inputs: Sequence[str]) -> Iterator[File | Refused]:
    """Yield the files meant by `inputs`, each once: in the order named, folders sorted by name.

    A link named as an input is followed; one met in a folder is refused, for it may lead
    anywhere, or round in a circle. Names that begin with a dot are passed over in folders.

    Raises:
        DocumentUnreadable: an input does not exist, or a pattern matches nothing.
    """
    seen: set[tuple[int, int]] = set()
    for name in inputs:
        for path in _expand(name):
            for found in _walk(path) if Path(path).is_dir() else [_file(path, os.stat)]:
                if isinstance(found, Refused):
                    yield found
                    continue
                file, identity = found
                if identity not in seen:
                    seen.add(identity)
                    yield file


def _expand(name: str) -> list[str]:
    if Path(name).exists():
        return [name]
    # `glob` and not `Path.glob`, which takes no absolute pattern.
    matches = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []  # noqa: PTH207
    if not matches:
        reason = "matches no file" if glob.has_magic(name) else "does not exist"
        raise DocumentUnreadable(reason, shown(name))
    return matches


_Found = tuple[File, tuple[int, int]]


def _walk(folder: str) -> Iterator[_Found | Refused]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        yield Refused(shown(folder), f"cannot be opened ({error.strerror})")
        return
    for name in names:
        path = os.path.join(folder, name)  # noqa: PTH118 (keeps the path as the user began it)
        if Path(path).is_dir() and not Path(path).is_symlink():
            yield from _walk(path)
        else:
            yield _file(path, os.lstat)


def _file(path: str, status_of: type | object) -> _Found | Refused:
    try:
        status = status_of(path)  # type: ignore[operator]
    except OSError as error:
        return Refused(shown(path), f"cannot be opened ({error.strerror})")
    if stat.S_ISLNK(status.st_mode):
        return Refused(shown(path), "is a symbolic link; name what it points to as an input")
    if not stat.S_ISREG(status.st_mode):
        return Refused(shown(path), "is no regular file")
    return File(path, status.st_size, status.st_mtime_ns), (status.st_dev, status.st_ino)


def shown(path: str) -> str:
    """Return `path` as it can be printed: bytes that are no UTF-8 are shown escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
