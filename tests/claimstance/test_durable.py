"""Files that stand whole or not at all, and for whom they are told to."""

import os
import stat
from pathlib import Path

import pytest

from claimstance.durable import replace


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        replace(path, fail)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_for_its_owner_alone_is_never_anybody_else_s(tmp_path: Path) -> None:
    path = tmp_path / "file"
    # Left by a process that was killed, and had this one's number.
    (tmp_path / f".file.{os.getpid()}.tmp").touch(0o644)
    seen = []

    def write(temporary: Path) -> None:
        seen.append(stat.S_IMODE(temporary.stat().st_mode))
        temporary.write_text("secret")

    replace(path, write, mode=0o600)
    assert seen == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == "secret"
