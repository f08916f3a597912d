"""Archives to score, jobs started over them, and what they have written."""

import csv
import gzip
import hashlib
import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from claimstance.scoring import plan
from claimstance.scoring.plan import Unit
from claimstance.scoring.unit import Result

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


def rejects(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]


def first_unit(out: Path) -> Unit:
    lines = map(json.loads, (out / ".job" / "plan.jsonl").read_text().splitlines())
    return next(Unit.from_json(value) for kind, value in lines if kind == "unit")


PROGRAM = """
import sys
from claimstance.scoring import plan
plan.UNIT_BYTES = 400
from claimstance.cli.main import main
main()
"""


def start(archive: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM, "score", str(archive), "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_shards(out: Path, count: int) -> None:
    for _ in range(1200):
        if len(list((out / "sentences").glob("part-*.parquet"))) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("no shard came")
