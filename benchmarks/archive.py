"""The archive part: sentences from a file to Parquet, by Claimstance and by what else one picks."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet

from benchmarks import machine, processes, texts, weights
from benchmarks.contenders import REFERENCE, Contender, everyone
from benchmarks.processes import COMMAND, OURS, BenchmarkFailed, Command
from benchmarks.progress import Steps
from claimstance import bundle, registry

MOST_CHANGED = 0.2
"""Share of labels that may differ from full precision; beyond it a contender does other work."""


def run(
    archive: Path | None,
    sentences: int,
    parts: int,
    threads: int,
    model: str | None,
    limit_seconds: float,
) -> dict[str, Any]:
    """Measure, and return what came of it.

    Args:
        archive: where the text comes from; None for the project's own.
        sentences: how many, in all parts together.
        parts: how many parts they are cut into; each contender does each part once.
        threads: what each contender may use.
        model: the model version whose weights all use; None for the one in production.
        limit_seconds: how long each matrix product is repeated to find the processor's limit.
    """
    version = registry.find(model)
    chosen = texts.sentences(texts.load(archive), sentences)
    found: dict[str, Any] = {
        "machine": machine.describe(),
        "text": texts.named(archive),
        "sentences": len(chosen),
        "model": bundle.read_manifest(version).tag,
        "threads": threads,
        "contenders": {},
        "left_out": {},
        "encoder": [],
        "limit": [],
    }
    with tempfile.TemporaryDirectory() as scratch:
        field = _prepare(version, Path(scratch), found)
        cut = [chosen[start::parts] for start in range(parts)]
        with Steps(parts * (len(field) + 1) + 2) as steps:
            found["limit"].append(_limit(threads, limit_seconds, steps))
            for number, part in enumerate(cut):
                work = _Work(Path(scratch), number, part, threads, version, model)
                turn = number % len(field)
                for contender in [*field[turn:], *field[:turn]]:
                    steps.begin(f"part {number + 1}/{parts}: {contender.name}")
                    kept = found["contenders"].setdefault(
                        contender.name, {"how": contender.how, "runs": [], "changed": 0}
                    )
                    try:
                        kept["runs"].append(work.run(contender))
                    except BenchmarkFailed as error:
                        _leave_out(contender, field, found, error)
                for contender, changed in work.changed(field).items():
                    found["contenders"][contender.name]["changed"] += changed
                    if changed > MOST_CHANGED * len(part):
                        why = BenchmarkFailed(f"{changed} of {len(part)} labels are others")
                        _leave_out(contender, field, found, why)
                steps.begin(f"part {number + 1}/{parts}: the encoder alone")
                found["encoder"].append(work.encoder())
            found["limit"].append(_limit(threads, limit_seconds, steps))
    return found


def _prepare(version: Path, scratch: Path, found: dict[str, Any]) -> list[Contender]:
    """Write the rivals' weights; return who can take part, and note who cannot and why."""
    weights.convert(version, scratch / "weights")
    field = []
    exported = False
    for contender in everyone():
        try:
            if contender.environment:
                python = processes.environment(contender.environment)
                if contender.module.startswith("onnx") and not exported:
                    export: Command = [
                        python,
                        "-m",
                        "benchmarks.rivals.export_onnx",
                        scratch / "weights",
                    ]
                    processes.run(export, machine.cores())
                    exported = True
                found.setdefault("versions", {})[contender.environment] = machine.installed(python)
        except BenchmarkFailed as error:
            found["left_out"][contender.name] = str(error)
        else:
            field.append(contender)
    return field


def _leave_out(
    contender: Contender, field: list[Contender], found: dict[str, Any], why: BenchmarkFailed
) -> None:
    """Go on without a rival; without the reference or Claimstance there is nothing to say."""
    if contender.environment is None or contender.name == REFERENCE:
        raise why
    field.remove(contender)
    del found["contenders"][contender.name]
    found["left_out"][contender.name] = str(why)


def _limit(threads: int, seconds: float, steps: Steps) -> dict[str, Any]:
    steps.begin("the processor's limit")
    command: Command = [
        *(OURS, "-m", "benchmarks.limit", "--threads", str(threads)),
        *("--seconds", str(seconds)),
    ]
    return processes.run(command, threads).said()


class _Work:
    """One part of the sentences, to be done by every contender."""

    def __init__(
        self,
        scratch: Path,
        number: int,
        part: Sequence[str],
        threads: int,
        version: Path,
        model: str | None,
    ) -> None:
        self._scratch = scratch
        self._number = number
        self._count = len(part)
        self._threads = threads
        self._version = version
        self._model = ("--model", model) if model else ()
        self._input = texts.write(part, scratch / f"part-{number}.jsonl")
        self._one = texts.write(part[:1], scratch / "one.jsonl")
        self._labels: dict[str, list[str]] = {}

    def run(self, contender: Contender) -> dict[str, float]:
        """Do the part; return seconds of loading and of work, and the peak memory in bytes.

        A rival tells when it was ready. Claimstance is not asked to: its loading is what the same
        command takes for one sentence.
        """
        task = self._rival if contender.environment else self._claimstance
        answer, labels = task(contender)
        if len(labels) != self._count:
            raise BenchmarkFailed(f"gave {len(labels)} labels of {self._count}", contender.name)
        self._labels[contender.name] = labels
        return answer

    def changed(self, field: Sequence[Contender]) -> dict[Contender, int]:
        """Return how many labels of each contender differ from full precision's."""
        full = self._labels[REFERENCE]
        return {
            contender: sum(a != b for a, b in zip(self._labels[contender.name], full, strict=True))
            for contender in field
        }

    def encoder(self) -> dict[str, Any]:
        """Return what the encoder alone takes for the part."""
        command: Command = [
            *(OURS, "-m", "benchmarks.encoder", "--version", self._version),
            *("--input", self._input, "--threads", str(self._threads)),
        ]
        return processes.run(command, self._threads).said()

    def _rival(self, contender: Contender) -> tuple[dict[str, float], list[str]]:
        assert contender.environment
        output = self._scratch / f"{contender.module}-{self._number}.parquet"
        command: Command = [
            *(processes.environment(contender.environment), "-m"),
            f"benchmarks.rivals.{contender.module}",
            *("--weights", self._scratch / "weights", "--input", self._input),
            *("--output", output, "--threads", str(self._threads)),
        ]
        done = processes.run(command, self._threads)
        told = done.said()
        answer = {
            "loading": told["ready"] - done.began,
            "seconds": told["done"] - told["ready"],
            "peak_bytes": float(done.peak_bytes),
        }
        return answer, _column(output, "stance")

    def _claimstance(self, contender: Contender) -> tuple[dict[str, float], list[str]]:
        name = f"{'-'.join(contender.options)}{self._number}"
        loading = self._score(self._one, self._scratch / f"one{name}", contender)
        done = self._score(self._input, self._scratch / f"scored{name}", contender)
        answer = {
            "loading": loading.seconds,
            "seconds": done.seconds - loading.seconds,
            "peak_bytes": float(done.peak_bytes),
        }
        return answer, _column(self._scratch / f"scored{name}" / "sentences", "stance")

    def _score(self, file: Path, out: Path, contender: Contender) -> processes.Finished:
        command: Command = [
            *(COMMAND, "score", file, "--out", out, "--unit", "sentence"),
            *("--workers", str(self._threads), *contender.options, *self._model),
        ]
        return processes.run(command, self._threads)


def _column(path: Path, name: str) -> list[str]:
    return [str(label) for label in pyarrow.parquet.read_table(path)[name].to_pylist()]
