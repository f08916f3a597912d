"""A scoring job killed at random moments and resumed, against one that was left alone.

    python -m benchmarks.kills ARCHIVE --kills 5

Scores ARCHIVE twice: once in one go, once with the whole process group killed (SIGKILL) at random
moments and started again. Then compares what both left, byte for byte, and adds up the counts
without Claimstance's help. Writes benchmarks/kills.md; ends with exit code 1 where anything
differs. Options behind `--` go to `claimstance score`.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet

RESULT = Path(__file__).with_name("kills.md")
PROGRAM = "from claimstance.cli.main import main; main()"
TIMES = ("began", "done")
"""Fields of `job.json` that tell when a job ran, which two runs cannot have in common."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: seconds after the start, and what stood then."""

    seconds: float
    planned: bool
    shards: int
    unfinished: int


@dataclass
class Sum:
    """What was counted in a job's folder, and what is wrong with it."""

    documents: int = 0
    sentences: int = 0
    rejects: int = 0
    texts_checked: int = 0
    wrong: list[str] = field(default_factory=list)


def main() -> None:
    """Run both jobs, compare them, and write what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("archive", help="what to score")
    parser.add_argument("--kills", type=int, default=5, help="how often to kill, at least")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--out", type=Path, help="an empty folder for both jobs [a temporary one]")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    asked, options = parser.parse_args(sys.argv[1:end]), sys.argv[end + 1 :]
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.out or Path(temporary)
        whole, resumed = folder / "whole", folder / "resumed"
        command = ["-c", PROGRAM, "score", asked.archive, *options, "--out"]
        seconds = _run(command, whole)
        print(f"in one go: {seconds:.0f} s", flush=True)
        kills = _killed(command, resumed, asked.kills, seconds, random.Random(asked.seed))
        _run(command, resumed)
        differences = compare(whole, resumed)
        summed = add_up(resumed, Path(asked.archive))
    text = _told(asked.archive, options, seconds, kills, differences, summed)
    RESULT.write_text(text, encoding="utf-8")
    print(text)
    sys.exit(bool(differences or summed.wrong))


def _start(command: list[str], out: Path) -> subprocess.Popen[bytes]:
    # A session of its own, so that a kill reaches its workers in the same instant.
    return subprocess.Popen(
        [sys.executable, *command, str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _run(command: list[str], out: Path) -> float:
    began = time.monotonic()
    status = _start(command, out).wait()
    if status:
        sys.exit(f"`claimstance score` ended with status {status} on {out}")
    return time.monotonic() - began


def _killed(
    command: list[str], out: Path, kills: int, seconds: float, chance: random.Random
) -> list[Kill]:
    """Start the job again and again, and kill each run; return the kills.

    Moments fall so that the job, of `seconds` in one go, is about done when the last has fallen.
    """
    done: list[Kill] = []
    longest = 2 * seconds / kills
    while len(done) < kills:
        delay = chance.uniform(0.2, longest)
        process = _start(command, out)
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done.append(
                Kill(
                    delay,
                    (out / ".job" / "plan.jsonl").exists(),
                    len(list(out.glob("sentences/part-*.parquet"))),
                    len(list(out.rglob(".*.tmp"))),
                )
            )
            print(f"kill {len(done)}: {done[-1]}", flush=True)
        else:  # it was done too early: all from the beginning, at shorter intervals
            shutil.rmtree(out)
            done.clear()
            longest /= 2
    return done


def compare(one: Path, other: Path) -> list[str]:
    """Return what differs between the folders of two jobs, which should be nothing.

    All files count, the plan and the rejects by unit among them; of `job.json`, `TIMES` do not.
    """
    differences = []
    names = {path.relative_to(folder) for folder in (one, other) for path in folder.rglob("*")}
    for name in sorted(names):
        ours, theirs = one / name, other / name
        if not (ours.exists() and theirs.exists()):
            differences.append(f"{name} is not in both")
        elif name == Path("job.json"):
            notes = [json.loads(path.read_text(encoding="utf-8")) for path in (ours, theirs)]
            fields = notes[0].keys() | notes[1].keys()
            differences += [
                f"{name}: {key}"
                for key in sorted(fields.difference(TIMES))
                if notes[0].get(key) != notes[1].get(key)
            ]
        elif ours.is_file() and ours.read_bytes() != theirs.read_bytes():
            differences.append(f"{name} differs")
    return differences


def add_up(folder: Path, archive: Path) -> Sum:
    """Count what is in a job's folder by itself, and hold it against `job.json`.

    Each document must lie in one place, its sentences numbered from 1 and in order, and what can
    be read here (text files in UTF-8, in a folder or a zip file) must hold each at its offsets.
    """
    summed = Sum()
    seen: set[tuple[str, int | None]] = set()
    previous: Any = None
    number, end, text = 0, 0, None
    zipped = zipfile.ZipFile(archive) if zipfile.is_zipfile(archive) else None
    columns = ["source", "row", "sentence", "start", "end", "text"]
    for shard in sorted((folder / "sentences").glob("part-*.parquet")):
        for row in pyarrow.parquet.read_table(shard, columns=columns).to_pylist():
            summed.sentences += 1
            place = row["source"], row["row"]
            if place != previous:
                if place in seen:
                    summed.wrong.append(f"{place} lies in two places")
                seen.add(place)
                previous, number, end = place, 0, 0
                text = _text(row["source"], archive, zipped)
            number += 1
            if row["sentence"] != number or row["start"] < end:
                summed.wrong.append(f"{place}: sentence {row['sentence']} is out of order")
            end = row["end"]
            if text is not None:
                summed.texts_checked += 1
                if text[row["start"] : row["end"]] != row["text"]:
                    summed.wrong.append(f"{place}: sentence {number} is not at its offsets")
    rejects = (folder / "rejects.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    summed.documents, summed.rejects = len(seen), len(rejects)
    summed.wrong += [
        f"a reject has no {name}: {line}"
        for line in rejects
        for name in ("source", "reason")
        if not json.loads(line).get(name)
    ]
    note = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    counted = {
        "in": summed.documents + summed.rejects,
        "scored": summed.documents,
        "rejected": summed.rejects,
    }
    if note["documents"] != counted or note["sentences"] != summed.sentences:
        summed.wrong.append(f"job.json says {note['documents']}, {note['sentences']} sentences")
    if zipped and all(name.endswith((".txt", ".html", "/")) for name in zipped.namelist()):
        files = sum(not name.endswith("/") for name in zipped.namelist())
        if files != counted["in"]:
            summed.wrong.append(f"the zip file holds {files} files")
    return summed


def _text(source: str, archive: Path, zipped: zipfile.ZipFile | None) -> str | None:
    """Return a text file as it lies in the archive; None where it takes more to read it."""
    if not source.endswith(".txt"):
        return None
    inside = source.removeprefix(f"{archive}/")
    data = (
        zipped.read(inside)
        if zipped
        else Path(source).read_bytes()
        if Path(source).is_file()
        else b""
    )
    try:
        return data.decode("utf-8-sig") or None
    except UnicodeDecodeError:
        return None


def _told(
    archive: str,
    options: list[str],
    seconds: float,
    kills: list[Kill],
    differences: list[str],
    summed: Sum,
) -> str:
    """Return the page about a run."""
    rows = [
        f"| {number} | {kill.seconds:.1f} | {'scoring' if kill.planned else 'planning'} "
        f"| {kill.shards} | {kill.unfinished} |"
        for number, kill in enumerate(kills, 1)
    ]
    wrong = [*differences, *summed.wrong]
    options_told = f" with `{' '.join(options)}`" if options else ""
    return (
        "\n".join(
            [
                "# Killed and resumed",
                "",
                f"`python -m benchmarks.kills`: {Path(archive).name} scored{options_told} in one "
                f"go ({seconds:.0f} s), and once more with all its processes killed (SIGKILL) at "
                "random moments.",
                "",
                "| kill | after s | while | shards standing | files half written |",
                "| --- | --- | --- | --- | --- |",
                *rows,
                "",
                f"Counted without Claimstance: {summed.documents:,} documents scored + "
                f"{summed.rejects:,} rejected = {summed.documents + summed.rejects:,}; "
                f"{summed.sentences:,} sentences, each document in one place, "
                f"{summed.texts_checked:,} of them compared with the text at their offsets.",
                "",
                f"Differs but for {' and '.join(TIMES)} in `job.json`: "
                + ("nothing." if not wrong else f"{len(wrong)} things."),
                "",
                *[f"- {line}" for line in wrong[:50]],
            ]
        ).rstrip()
        + "\n"
    )


if __name__ == "__main__":
    main()
