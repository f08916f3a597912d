"""Files that stand whole or not at all, whatever stops the machine."""

import os
from collections.abc import Callable
from pathlib import Path


def replace(path: Path, write: Callable[[Path], object], mode: int | None = None) -> None:
    """Let `write` fill a temporary file, sync it, and rename it to `path`: whole or not at all.

    Args:
        path: the file to be written, or written anew.
        write: is given the temporary file, beside it.
        mode: who may do what with the file, from before its first byte; None for what is usual.

    Raises:
        OSError: it cannot be written; what was there before is left.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if mode is not None:
            temporary.unlink(missing_ok=True)
            temporary.touch(mode, exist_ok=False)
        write(temporary)
        sync(temporary)
        temporary.rename(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Bring a file, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
