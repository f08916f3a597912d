"""The job's contract: counts that add up, resumption to the byte, one at a time, nothing lost."""

import csv
import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from claimstance import Predictor, Stance, documents
from claimstance.errors import (
    DocumentUnreadable,
    InvalidInput,
    JobBusy,
    JobDiffers,
    JobFailed,
)
from claimstance.inputs.table import Columns
from claimstance.scoring import local, plan, score
from claimstance.scoring.local import Crew
from claimstance.scoring.plan import Unit
from claimstance.scoring.unit import How, Result, UnitScorer, shard_path

SENTENCES = (
    "The islands are ours and will remain so.",
    "Both sides agreed to resume talks on the border.",
    "It rained in the capital on Tuesday.",
)


class Silent:
    """A watcher that counts the units done before, and now."""

    def __init__(self) -> None:
        self.before = self.after = 0

    def looking(self, size: int, total: int) -> None:
        """Pass over the planning."""

    def planned(self, units: int, documents: int, size: int) -> None:
        """Pass over the plan."""

    def scored(self, result: Result, before: bool) -> None:
        """Count a unit."""
        if before:
            self.before += 1
        else:
            self.after += 1


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "UNIT_BYTES", 400)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A folder of documents of every kind, some of them unreadable."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(12):
        text = " ".join((*SENTENCES, f"That was day {number}."))
        (folder / f"AFG_{number:02}_19{50 + number}.txt").write_text(text)
    with zipfile.ZipFile(folder / "more.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.html", f"<title>A page</title><p>{SENTENCES[0]}</p>")
        archive.writestr("../evil.txt", "x")
        archive.writestr("b.txt", b"caf\xff \xc3\xa9\xc3\xa9 bad")
    with gzip.open(folder / "rows.csv.gz", "wt", newline="") as rows:
        writer = csv.writer(rows)
        writer.writerow(["id", "date", "text", "desk"])
        for number in range(30):
            text = "" if number == 7 else f"{SENTENCES[number % 3]} Item {number}."
            writer.writerow([number, f"2020-01-{number + 1:02}", text, "world"])
    (folder / "photo.jpg").write_bytes(b"\xff\xd8")
    (folder / "empty.txt").write_text("")
    return folder


def rows(out: Path) -> list[dict[str, Any]]:
    table = pa.concat_tables(map(pa.parquet.read_table, sorted((out / "sentences").iterdir())))
    return list(table.to_pylist())


def state(out: Path) -> dict[str, str]:
    """Return the hash of every shard and of the rejects."""
    paths = [*sorted((out / "sentences").iterdir()), out / "rejects.jsonl"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def first_unit(out: Path) -> Unit:
    lines = map(json.loads, (out / ".job" / "plan.jsonl").read_text().splitlines())
    return next(Unit.from_json(value) for kind, value in lines if kind == "unit")


def rejects(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]


def test_every_document_is_scored_or_rejected_with_its_reason(
    archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    note = score.score([str(archive)], out, Silent())
    assert note["documents"] == {"in": 47, "scored": 42, "rejected": 5}
    reasons = {Path(str(line["source"])).name: str(line["reason"]) for line in rejects(out)}
    assert "ends in none" in reasons["photo.jpg"]
    assert "outside" in reasons["evil.txt"]
    assert "not utf-8 text (byte 3)" in reasons["b.txt"]
    assert "no sentence" in reasons["empty.txt"]
    assert "no sentence" in reasons["rows.csv.gz"]
    assert len(rejects(out)) == len(reasons) == 5
    found = rows(out)
    assert len(found) == note["sentences"]
    assert len({(row["source"], row["row"]) for row in found}) == 42
    assert json.loads((out / "job.json").read_text()) == note


def test_rows_say_where_they_are_and_what_the_predictor_says(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score.score([str(archive / "AFG_03_1953.txt")], out, Silent())
    text = (archive / "AFG_03_1953.txt").read_text()
    found = rows(out)
    assert [row["sentence"] for row in found] == [1, 2, 3, 4]
    predictions = Predictor.load().predict([str(row["text"]) for row in found])
    for row, prediction in zip(found, predictions, strict=True):
        assert text[row["start"] : row["end"]] == row["text"]
        assert (row["document"], row["country"], row["year"]) == ("AFG_03_1953", "AFG", "1953")
        assert row["stance"] == prediction.stance
        assert row["firm"] == pytest.approx(prediction.stance_scores[Stance.FIRM], abs=5e-3)
        assert row["confident"] == prediction.confident
        assert row["tokens"] == prediction.tokens


def test_a_row_is_one_sentence_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    lines = [{"text": "One. Two."}, {"text": "x " * 20_000}]
    path.write_text("\n".join(map(json.dumps, lines)))
    note = score.score([str(path)], tmp_path / "out", Silent(), how=How("sentence"))
    assert note["sentences"] == 1
    assert rows(tmp_path / "out")[0]["text"] == "One. Two."
    assert "no single sentence" in str(rejects(tmp_path / "out")[0]["reason"])


def test_the_table_as_csv_and_json_lines(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score.score([str(archive)], out, Silent(), formats=["csv", "jsonl"])
    found = rows(out)
    with (out / "sentences.csv").open(newline="") as file:
        as_csv = list(csv.DictReader(file))
    as_json = [json.loads(line) for line in (out / "sentences.jsonl").read_text().splitlines()]
    assert [row["text"] for row in as_csv] == [row["text"] for row in found]
    assert [row["stance"] for row in as_json] == [row["stance"] for row in found]


def test_done_work_is_not_done_again(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score.score([str(archive)], out, Silent())
    whole = state(out)
    first, *others = sorted((out / "sentences").iterdir())
    first.unlink()
    watcher = Silent()
    score.score([str(archive)], out, watcher)
    assert (watcher.before, watcher.after) == (len(others), 1)
    assert state(out) == whole


def test_the_number_of_workers_changes_nothing(archive: Path, tmp_path: Path) -> None:
    for count in (1, 3):
        score.score([str(archive)], tmp_path / str(count), Silent(), engine=score.Engine(count))
    assert state(tmp_path / "1") == state(tmp_path / "3")


def test_what_a_document_tells_of_itself_may_not_be_repeated_without_end(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.jsonl"
    lines = [{"text": text, "title": "T" * 20_000} for text in ("Rain. " * 5000, "Rain.")]
    path.write_text("\n".join(map(json.dumps, lines)))
    note = score.score([str(path)], tmp_path / "out", Silent())
    assert note["documents"] == {"in": 2, "scored": 1, "rejected": 1}
    assert "repeated in 5000 rows" in str(rejects(tmp_path / "out")[0]["reason"])


def test_an_input_may_have_any_name(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n.txt"))
    path.write_text(SENTENCES[0])
    note = score.score([str(path)], tmp_path / "out", Silent())
    assert note["documents"]["scored"] == 1
    assert rows(tmp_path / "out")[0]["source"].endswith("caf\\xe9\n.txt")


PROGRAM = """
import sys
from claimstance.scoring import plan
plan.UNIT_BYTES = 400
from claimstance.cli.main import main
main()
"""


@pytest.fixture
def running(archive: Path, tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Give a list for started jobs; what still runs at the end is killed."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def start(archive: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM, "score", str(archive), "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_shards(out: Path, count: int) -> None:
    for _ in range(1200):
        if len(list((out / "sentences").glob("part-*.parquet"))) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("no shard came")


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


def test_another_job_in_the_folder_is_refused_and_named(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score.score([str(archive)], out, Silent())
    with pytest.raises(JobDiffers, match=r"split_by .*document.*sentence"):
        score.score([str(archive)], out, Silent(), how=How("sentence"))
    with pytest.raises(JobDiffers, match="columns"):
        score.score([str(archive)], out, Silent(), columns=Columns(text="text"))
    with pytest.raises(JobDiffers, match="inputs"):
        score.score([str(archive / "more.zip")], out, Silent())
    path = archive / "AFG_00_1950.txt"
    path.write_text("Another text.")
    with pytest.raises(JobDiffers, match=r"AFG_00_1950.txt: has changed"):
        score.score([str(archive)], out, Silent())
    score.score([str(archive)], out, Silent(), restart=True)
    path.unlink()
    with pytest.raises(JobDiffers, match=r"AFG_00_1950.txt: was there"):
        score.score([str(archive)], out, Silent())


def test_what_has_come_since_is_appended(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score.score([str(archive)], out, Silent())
    before = state(out)
    (archive / "new.txt").write_text(SENTENCES[0])
    log = archive / "log.jsonl"
    log.write_text('{"text": "It rained."}\n')
    with pytest.raises(JobDiffers, match="--append"):
        score.score([str(archive)], out, Silent())
    watcher = Silent()
    note = score.score([str(archive)], out, watcher, append=True)
    assert note["documents"]["in"] == 49
    assert watcher.after == 1
    with log.open("a") as file:
        file.write('{"text": "It rained again."}\n')
    note = score.score([str(archive)], out, Silent(), append=True)
    assert note["documents"]["in"] == 50
    assert [row["text"] for row in rows(out)][-1] == "It rained again."
    assert rows(out)[-1]["row"] == 2
    now = state(out)
    assert all(now[name] == value for name, value in before.items() if name != "rejects.jsonl")
    log.write_text('{"text": "It never rained."}\n{"text": "x"}\n{"text": "y"}\n')
    with pytest.raises(InvalidInput, match=r"log.jsonl: has changed since"):
        score.score([str(archive)], out, Silent(), append=True)


def test_a_last_row_that_went_on_is_no_new_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text\nIt rained")
    score.score([str(path)], tmp_path / "out", Silent())
    path.write_text("text\nIt rained heavily.\n")
    with pytest.raises(InvalidInput, match="has changed"):
        score.score([str(path)], tmp_path / "out", Silent(), append=True)


def test_a_folder_with_other_things_is_left_alone(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="other files"):
        score.score([str(archive)], archive, Silent())
    with pytest.raises(DocumentUnreadable, match="does not exist"):
        score.score([str(tmp_path / "none")], tmp_path / "out", Silent())


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
