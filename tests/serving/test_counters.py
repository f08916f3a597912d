"""Where workers keep their counters."""

import os
from pathlib import Path

import pytest

from serving import counters


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(counters, "MEMORY", tmp_path)
    monkeypatch.setenv(counters.VARIABLE, "/var/lib/elsewhere")
    return tmp_path


def test_workers_of_one_server_have_one_folder_and_those_gone_have_none(memory: Path) -> None:
    for gone in ("claimstance-1-5", "claimstance-999999999-5", "claimstance-x"):
        (memory / gone).mkdir()
    (memory / "another").mkdir()
    counters.move_to_memory()
    mine = os.environ[counters.VARIABLE]
    assert Path(mine).stat().st_mode & 0o777 == 0o700
    counters.move_to_memory()
    assert os.environ[counters.VARIABLE] == mine
    assert {path.name for path in memory.iterdir()} == {"another", Path(mine).name}


def test_a_folder_of_somebody_else_is_not_used(memory: Path, tmp_path: Path) -> None:
    counters.move_to_memory()
    mine = Path(os.environ[counters.VARIABLE])
    os.environ[counters.VARIABLE] = "/var/lib/elsewhere"
    mine.rmdir()
    mine.symlink_to(tmp_path)
    counters.move_to_memory()
    assert os.environ[counters.VARIABLE] == "/var/lib/elsewhere"


def test_outside_of_a_server_nothing_is_made(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(counters.VARIABLE)
    counters.move_to_memory()
    assert counters.VARIABLE not in os.environ
    assert list(memory.iterdir()) == []
