"""A job that is killed or fails: it goes on to the byte, and nothing is lost."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from claimstance import Predictor, documents
from claimstance.errors import JobBusy, JobFailed
from claimstance.scoring import local, score
from claimstance.scoring.local import Crew
from claimstance.scoring.unit import How, UnitScorer, shard_path
from tests.claimstance.scoring.conftest import (
    SENTENCES,
    Silent,
    first_unit,
    rejects,
    start,
    state,
    wait_for_shards,
)


@pytest.fixture
def running(archive: Path, tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Give a list for started jobs; what still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(
    archive: Path, tmp_path: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert start(archive, whole).wait() == 0
    for shards in (0, 1, 3):
        process = start(archive, out)
        running.append(process)
        if shards:
            wait_for_shards(out, shards)
        else:
            time.sleep(1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if not (out / ".job" / "plan.jsonl").exists():
            continue
        assert json.loads((out / "job.json").read_text())["state"] == "begun"
    assert start(archive, out).wait() == 0
    assert state(out) == state(whole)
    assert not list(out.rglob("*.tmp"))


def test_workers_end_with_the_process_above(
    archive: Path, tmp_path: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    process = start(archive, tmp_path / "out")
    running.append(process)
    wait_for_shards(tmp_path / "out", 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.wait()
    for _ in range(100):
        if not any(Path(f"/proc/{child}/status").exists() for child in children):
            return
        time.sleep(0.1)
    raise AssertionError("a worker outlived the job")


def test_a_second_process_on_the_same_folder_is_refused(
    archive: Path, tmp_path: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    running.append(start(archive, tmp_path / "out"))
    wait_for_shards(tmp_path / "out", 1)
    with pytest.raises(JobBusy):
        score.score([str(archive)], tmp_path / "out", Silent())


def test_a_file_that_is_gone_or_shorter_when_its_turn_comes_is_rejected(
    tmp_path: Path, released: Predictor
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "One."}\n{"text": "Two."}\n')
    out = tmp_path / "out"
    note = score.score([str(path)], out, Silent())
    unit = first_unit(out)
    path.write_text('{"text": "One."}\n')
    result = UnitScorer(released, out, How()).score(0, unit)
    assert (result.documents, result.scored, result.rejected) == (2, 1, 1)
    assert note["documents"]["in"] == 2


def dying_work(pipe: object, folder: str, version: str, how: How) -> None:
    """Be a worker that dies whenever it reads the word `poison`."""
    original = documents.parse

    def parse(text: str) -> object:
        if "poison" in text:
            os.kill(os.getpid(), signal.SIGSEGV)
        return original(text)

    documents.parse = parse  # type: ignore[assignment]
    local._work(pipe, folder, version, how)  # type: ignore[arg-type]


def test_a_document_that_kills_its_worker_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        word = "poison" if number == 3 else "rain"
        (tmp_path / f"{number}.txt").write_text(f"There was {word} on the islands.")
    monkeypatch.setattr(local, "_work", dying_work)
    note = score.score([str(tmp_path / "*.txt")], tmp_path / "out", Silent())
    assert note["documents"] == {"in": 6, "scored": 5, "rejected": 1}
    (line,) = rejects(tmp_path / "out")
    assert Path(str(line["source"])).name == "3.txt"
    assert "SIGSEGV" in str(line["reason"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that is a disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("a disk can be mounted here by nobody")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_the_job_with_a_reason_and_more_room_lets_it_go_on(
    archive: Path, tmp_path: Path, small_disk: Path
) -> None:
    score.score([str(archive)], tmp_path / "whole", Silent())
    with pytest.raises(JobFailed, match=r"written \(No space left on device\); what is done stays"):
        score.score([str(archive)], small_disk / "out", Silent())
    assert json.loads((small_disk / "out" / "job.json").read_text())["state"] == "begun"
    subprocess.run(["mount", "-o", "remount,size=9m", str(small_disk)], check=True)
    watcher = Silent()
    score.score([str(archive)], small_disk / "out", watcher)
    assert watcher.before > 0
    assert state(small_disk / "out") == state(tmp_path / "whole")


def test_a_unit_that_cannot_be_written_ends_the_job_with_a_reason(
    tmp_path: Path, released: Predictor
) -> None:
    (tmp_path / "a.txt").write_text(SENTENCES[0])
    out = tmp_path / "out"
    score.score([str(tmp_path / "a.txt")], out, Silent())
    unit = first_unit(out)
    shard_path(out, 0).unlink()
    (out / "sentences").rmdir()
    version = Path(__file__).parents[3] / "models" / released.model.version
    with Crew(out, version, How(), 1) as crew, pytest.raises(JobFailed, match="written"):
        list(crew.score(iter([(0, unit)])))
