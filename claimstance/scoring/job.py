"""A scoring job's folder: what was asked, the plan, what is done, and that one works at a time."""

import fcntl
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from claimstance.durable import replace
from claimstance.errors import InvalidInput, JobBusy, JobDiffers
from claimstance.inputs.address import shown
from claimstance.inputs.containers import Refused
from claimstance.inputs.discover import File, discover
from claimstance.inputs.table import Columns
from claimstance.scoring.plan import Seen, Unit, plan
from claimstance.scoring.unit import (
    Result,
    SplitBy,
    rejected,
    rejects_path,
    shard_path,
)
from claimstance.text import NORMALIZER_VERSION, SPLITTER_VERSION

FORMAT = 2
"""Raised whenever a job's folder or its rows change form."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user asks of a scoring job, apart from how it is run."""

    inputs: tuple[str, ...]
    columns: Columns
    split_by: SplitBy
    exhaustive: bool
    stance_only: bool
    model: str
    """The version's tag."""
    precision: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON: all that the results follow from, and versions."""
        return {
            "format": FORMAT,
            **asdict(self),
            "inputs": list(map(shown, self.inputs)),
            "normalizer": NORMALIZER_VERSION,
            "splitter": SPLITTER_VERSION,
        }


class Job:
    """A job's folder, held by this process alone as long as `Job.hold` lasts."""

    def __init__(self, folder: Path, asked: Asked) -> None:
        self.folder = folder
        self.asked = asked
        self._state = folder / ".job"

    @classmethod
    @contextmanager
    def hold(cls, folder: Path, asked: Asked) -> Iterator["Job"]:
        """Give the job in `folder`, which is made where it is not there.

        Raises:
            InvalidInput: the folder cannot be made, or holds other things.
            JobBusy: another process holds it.
        """
        job = cls(folder, asked)
        try:
            if folder.exists() and not job._state.exists() and any(folder.iterdir()):
                raise InvalidInput("holds other files; give an empty folder", str(folder))
            job._make_folders()
            lock = (job._state / "lock").open("a+")
        except OSError as error:
            raise InvalidInput(f"cannot be made ({error.strerror})", str(folder)) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise JobBusy("another process is scoring into it", str(folder)) from error
            yield job

    def prepare(self, append: bool, restart: bool, looked: Callable[[int, int], None]) -> None:
        """Make the plan, or see that the one there is the plan of what is asked now.

        Args:
            append: plan what has come since, instead of refusing inputs that differ.
            restart: forget what was done.
            looked: called with the bytes looked through and all bytes while planning.

        Raises:
            JobDiffers: the job in the folder is another; the message names the difference.
            DocumentUnreadable: an input does not exist.
            InvalidInput: with `append`, an input has changed other than by growing at its end.
        """
        files: list[File] = []
        refused: list[Refused] = []
        for found in discover(self.asked.inputs):
            if isinstance(found, File):
                files.append(found)
            else:
                refused.append(found)
        if restart:
            self._forget()
        if self._plan.exists():
            self._compare(files, append)
            if not append or files == self._files():
                return
        self._write_plan(files, refused, looked, append)

    @property
    def _plan(self) -> Path:
        return self._state / "plan.jsonl"

    def _forget(self) -> None:
        self._plan.unlink(missing_ok=True)
        for path in (*self.folder.glob("sentences*"), self._state / "rejects"):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for name in ("job.json", "rejects.jsonl"):
            (self.folder / name).unlink(missing_ok=True)
        self._make_folders()

    def _make_folders(self) -> None:
        for part in ("sentences", ".job/rejects"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)

    def _compare(self, files: Sequence[File], append: bool) -> None:
        before, now = self._lines("asked")[0], self.asked.to_json()
        for name in now:
            if before.get(name) != now[name] and not (append and name == "inputs"):
                raise JobDiffers(
                    f"was begun with {name} {_told(before.get(name))}, now it is "
                    f"{_told(now[name])}; ask the same, or --restart, or take another folder",
                    str(self.folder),
                )
        old = {file.path: file for file in self._files()}
        for file in files if not append else []:
            if file.path not in old:
                raise JobDiffers(
                    "has come since the job was begun; --append scores it too",
                    shown(file.path),
                )
            if old[file.path] != file:
                raise JobDiffers(
                    "has changed since the job was begun; --append takes what grew, --restart "
                    "scores everything anew",
                    shown(file.path),
                )
        gone = set(old) - {file.path for file in files}
        if gone and not append:
            raise JobDiffers("was there when the job was begun, and is gone", shown(min(gone)))

    def _files(self) -> list[File]:
        return [File(**line) for line in self._lines("file")]

    def _write_plan(
        self,
        files: Sequence[File],
        refused: Sequence[Refused],
        looked: Callable[[int, int], None],
        append: bool,
    ) -> None:
        """Write the plan; appended to, the units that are there keep their places."""
        old = append and self._plan.exists()
        seen = {line["name"]: Seen(**line) for line in self._lines("seen")} if old else {}
        total = sum(file.size for file in files)
        changed = set(files) - set(self._files()) if old else files
        known = {line["source"] for line in self._lines("refused")} if old else set()

        def write(path: Path) -> None:
            with path.open("w", encoding="utf-8") as out:

                def put(kind: str, value: Any) -> None:
                    out.write(json.dumps([kind, value]) + "\n")

                put("asked", self.asked.to_json())
                for file in files:
                    put("file", asdict(file))
                for kind in ("unit", "refused", "seen") if old else ():
                    for line in self._lines(kind):
                        put(kind, line)
                for found in refused:
                    if found.source not in known:
                        put("refused", rejected(found.source, found.reason))
                chosen = [file for file in files if file in changed]
                for part in plan(
                    chosen, self.asked.columns, seen, lambda size: looked(size, total)
                ):
                    if isinstance(part, Refused):
                        put("refused", rejected(part.source, part.reason))
                    else:
                        put("unit" if isinstance(part, Unit) else "seen", part.to_json())

        replace(self._plan, write)

    def _lines(self, kind: str) -> list[Any]:
        return list(self._each(kind))

    def _each(self, kind: str) -> Iterator[Any]:
        """Yield the plan's lines of a kind, in order."""
        with self._plan.open(encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(f'["{kind}"'):
                    yield json.loads(line)[1]

    def units(self) -> Iterator[tuple[int, Unit]]:
        """Yield the plan's units with their places, in order."""
        for index, line in enumerate(self._each("unit")):
            yield index, Unit.from_json(line)

    def begin(self) -> None:
        """Note in `job.json` that the job is being worked on; clear what a kill left half done."""
        self._sweep()
        self._note({"state": "begun", "asked": self.asked.to_json(), "began": _now()})

    def finish(
        self, results: Sequence[Result], formats: Sequence[str], first_stage: str
    ) -> dict[str, Any]:
        """Write the rejects and `job.json` of a job that is done; return the latter.

        Args:
            results: of all units, in order.
            formats: in which the table was written too.
            first_stage: what it did, or why it did nothing.
        """
        self._sweep()  # of a worker that outlived its killed job for a moment
        refused = self._lines("refused")
        path = self.folder / "rejects.jsonl"

        def write(file: Path) -> None:
            with file.open("w", encoding="utf-8") as out:
                for line in refused:
                    out.write(json.dumps(line, ensure_ascii=False) + "\n")
                for result in results:
                    part = rejects_path(self.folder, result.index)
                    if part.exists():
                        out.write(part.read_text(encoding="utf-8"))

        replace(path, write)
        encodings: Counter[str] = sum((r.encodings for r in results), Counter())
        began = json.loads((self.folder / "job.json").read_text(encoding="utf-8"))["began"]
        note = {
            "state": "done",
            "asked": self.asked.to_json(),
            "began": began,
            "done": _now(),
            "documents": {
                "in": sum(r.documents for r in results) + len(refused),
                "scored": sum(r.scored for r in results),
                "rejected": sum(r.rejected for r in results) + len(refused),
            },
            "sentences": sum(r.sentences for r in results),
            "stages": {
                "screen": sum(r.screened for r in results),
                "encoder": sum(r.sentences - r.screened for r in results),
            },
            "first_stage": first_stage,
            "units": len(results),
            "encodings": dict(encodings.most_common()),
            "also_as": list(formats),
        }
        self._note(note)
        return note

    def _sweep(self) -> None:
        for path in self.folder.rglob(".*.tmp"):
            path.unlink(missing_ok=True)

    def _note(self, value: dict[str, Any]) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        replace(self.folder / "job.json", lambda file: file.write_text(text, encoding="utf-8"))


def finished(folder: Path, index: int) -> Result | None:
    """Return what became of a unit of the job in `folder`, None while its shard does not stand."""
    path = shard_path(folder, index)
    try:
        note = pa.parquet.read_schema(path).metadata[b"claimstance"]
    except (OSError, KeyError, TypeError, pa.ArrowInvalid):
        return None
    return Result.from_json(json.loads(note))


def _told(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
