"""The files that a user means by paths, folders and patterns."""

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from claimstance.errors import DocumentUnreadable
from claimstance.inputs.address import shown
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
    anywhere, or round in a circle. So is what is hidden, by a dot before its name, and a file
    that was met under another name.

    Raises:
        DocumentUnreadable: an input does not exist, or a pattern matches nothing.
    """
    seen: dict[tuple[int, int], str] = {}
    for name in inputs:
        for path in _expand(name):
            for found in _walk(path) if os.path.isdir(path) else [_file(path, os.stat)]:  # noqa: PTH112
                if isinstance(found, Refused):
                    yield found
                    continue
                file, identity = found
                first = seen.setdefault(identity, file.path)
                if first is file.path:
                    yield file
                elif os.path.realpath(first) != os.path.realpath(file.path):
                    yield Refused(shown(file.path), f"is the same file as {shown(first)}")


def _expand(name: str) -> list[str]:
    # `os.path`, here and below: `pathlib` raises where a path may not be looked at.
    if os.path.exists(name):  # noqa: PTH110
        return [name]
    # `glob` and not `Path.glob`, which takes no absolute pattern.
    matches = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []  # noqa: PTH207
    if not matches:
        reason = "matches no file" if glob.has_magic(name) else "does not exist"
        raise DocumentUnreadable(reason, shown(name))
    return matches


_Found = tuple[File, tuple[int, int]]


def _walk(folder: str) -> Iterator[_Found | Refused]:
    """Yield what lies in a folder; without recursion, for folders may nest as they like."""
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        name = os.path.basename(path)  # noqa: PTH119
        if path is not folder and name.startswith("."):
            yield Refused(shown(path), "is hidden (a dot begins its name); name it as an input")
        elif path is not folder and (os.path.islink(path) or not os.path.isdir(path)):  # noqa: PTH112, PTH114
            yield _file(path, os.lstat)
        else:
            try:
                names = sorted(os.listdir(path), reverse=True)  # noqa: PTH208
            except OSError as error:
                yield Refused(shown(path), f"cannot be opened ({error.strerror})")
            else:  # joined so that the path stays as the user began it
                waiting += [os.path.join(path, name) for name in names]  # noqa: PTH118


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
