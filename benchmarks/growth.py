"""The growth part: archives ten and a hundred times the size through `claimstance score`."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import machine, processes, texts
from benchmarks.processes import COMMAND, Command
from benchmarks.progress import Steps
from claimstance import bundle, registry

SIZES = {1: 5, 10: 3, 100: 1}
"""Sizes as multiples of the least, and how often each is scored."""


def run(archive: Path | None, sentences: int, threads: int, model: str | None) -> dict[str, Any]:
    """Measure, and return what came of it.

    Args:
        archive: where the documents come from; None for the project's own.
        sentences: in the smallest archive; fewer where the text does not hold a hundred times it.
        threads: worker processes.
        model: the model version; None for the one in production.
    """
    documents = texts.load(archive)
    _, most = texts.holding(documents, max(SIZES) * sentences)
    least = min(sentences, most // max(SIZES))
    found: dict[str, Any] = {
        "machine": machine.describe(),
        "text": texts.named(archive),
        "model": bundle.read_manifest(registry.find(model)).tag,
        "threads": threads,
        "sizes": [],
    }
    with tempfile.TemporaryDirectory() as scratch, Steps(sum(SIZES.values()) + 3) as steps:
        folder = Path(scratch)
        one = texts.write(["No sentence is shorter."], folder / "one.jsonl")
        found["starting"] = []
        for number in range(3):
            steps.begin("starting: one sentence")
            run_of_one = _score(one, folder / f"one-{number}", threads, model)
            found["starting"].append(run_of_one.seconds)
        for size, repeats in SIZES.items():
            part, count = texts.holding(documents, size * least)
            file = texts.write(part, folder / f"{size}.jsonl")
            runs = []
            for number in range(repeats):
                steps.begin(f"{size}x: {count} sentences, {number + 1}/{repeats}")
                done = _score(file, folder / f"{size}-{number}", threads, model)
                runs.append({"seconds": done.seconds, "peak_bytes": done.peak_bytes})
            found["sizes"].append(
                {
                    "size": size,
                    "documents": len(part),
                    "sentences": count,
                    "bytes": file.stat().st_size,
                    "runs": runs,
                }
            )
    return found


def _score(file: Path, out: Path, threads: int, model: str | None) -> processes.Finished:
    command: Command = [
        *(COMMAND, "score", file, "--out", out, "--workers", str(threads)),
        *(("--model", model) if model else ()),
    ]
    return processes.run(command, threads)
