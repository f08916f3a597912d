"""A scoring job from what was asked to its finished folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from claimstance import bundle, registry, screen
from claimstance.inputs.table import Columns
from claimstance.predictor import precision
from claimstance.scoring import export, local
from claimstance.scoring.job import Asked, Job, finished
from claimstance.scoring.plan import Unit
from claimstance.scoring.shard import schema
from claimstance.scoring.unit import EVERYTHING, How, Result


class Watcher(Protocol):
    """Who is told how a job goes on; `cli/progress.py` draws it."""

    def looking(self, size: int, total: int) -> None:
        """Inputs of `size` more bytes, of `total`, have been planned."""

    def planned(self, units: int, documents: int, size: int) -> None:
        """The plan is made."""

    def scored(self, result: Result, before: bool) -> None:
        """A unit is done; `before` where an earlier run did it."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Where units are scored: in this machine's processes, or on a Ray cluster.

    `workers` is their number, one for each core when None; `address` a Ray cluster's, "" for
    one of this machine's own, None for no Ray.
    """

    workers: int | None = None
    address: str | None = None


ALL_CORES = Engine()
ANY_COLUMNS = Columns()


def score(
    inputs: Sequence[str],
    out: Path,
    watcher: Watcher,
    *,
    columns: Columns = ANY_COLUMNS,
    how: How = EVERYTHING,
    formats: Sequence[str] = (),
    model: str | None = None,
    engine: Engine = ALL_CORES,
    append: bool = False,
    restart: bool = False,
) -> dict[str, Any]:
    """Score an archive into the folder `out`, or go on where an earlier run stopped.

    docs/scoring.md tells what the folder holds and what is promised of it.

    Args:
        inputs: files, folders and patterns.
        out: the job's folder.
        watcher: who is told how it goes on.
        columns: which columns of row files hold what; found by name where not given.
        how: how texts become rows.
        formats: `csv` or `jsonl` to have the table in that form too.
        model: a version's name, None for the one in production.
        engine: where the work is done.
        append: score what has come since too.
        restart: forget what was done.

    Returns:
        What `job.json` then holds.

    Raises:
        DocumentUnreadable: an input does not exist.
        InvalidInput: the folder cannot be used, or the inputs hold nothing.
        JobBusy: another process is scoring into the folder.
        JobDiffers: the folder holds another job; the message names the difference.
        JobFailed: the work could not go on; what is done stays.
        ModelNotFound, ModelInvalid: there is no such version, or it is damaged.
        NotInstalled: Ray is asked for and missing.
    """
    version = registry.find(model)
    manifest = bundle.read_manifest(version)
    asked = Asked(
        tuple(inputs),
        columns,
        how.split_by,
        how.reading.exhaustive,
        how.reading.stance_only,
        manifest.tag,
        precision(manifest),
    )
    with Job.hold(out, asked) as job:
        job.prepare(append, restart, watcher.looking)
        job.begin()
        results: dict[int, Result] = {}
        units = documents = size = 0
        for index, unit in job.units():
            units, documents, size = units + 1, documents + unit.documents, size + unit.bytes
            if done := finished(out, index):
                results[index] = done
        watcher.planned(units, documents, size)
        for done in results.values():
            watcher.scored(done, before=True)
        tasks = ((index, unit) for index, unit in job.units() if index not in results)
        for result in _run(out, version, how, tasks, engine):
            results[result.index] = result
            watcher.scored(result, before=False)
        for form in formats:
            export.write(out, form, schema(how.reading.stance_only))
        whole = [results[index] for index in sorted(results)]
        return job.finish(whole, formats, screen.told(manifest, how.reading))


def _run(
    out: Path,
    version: Path,
    how: How,
    tasks: Iterator[tuple[int, Unit]],
    engine: Engine,
) -> Iterator[Result]:
    if engine.address is None:
        with local.Crew(out, version, how, engine.workers or local.cores()) as crew:
            yield from crew.score(tasks)
    else:
        from claimstance.scoring import ray_engine

        yield from ray_engine.score(out, version, how, tasks, engine.workers, engine.address)
