"""The training part: an epoch by `python -m training fit`'s loop, and by transformers' Trainer."""

import json
import random
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import machine, processes, weights
from benchmarks.processes import OURS, BenchmarkFailed, Command
from benchmarks.progress import Steps
from claimstance import bundle, registry

CONTENDERS = {
    "transformers Trainer, defaults": "batches of 8 in float32; one head",
    "transformers Trainer, tuned": "batches of 16 of similar length, in "
    "bfloat16 where the processor has it; one head",
    "claimstance": "the loop of `python -m training fit`, with the project's recipe; both heads",
}
"""Who takes part, and how they train; the first is what the others are compared with."""


def run(sentences: int, rounds: int, threads: int, model: str | None) -> dict[str, Any]:
    """Measure, and return what came of it.

    Args:
        sentences: of the corpus's training part, drawn anew each round.
        rounds: how often each contender trains an epoch.
        threads: what each contender may use.
        model: the model version all start from; None for the one in production.
    """
    from training import corpus

    version = registry.find(model)
    records = corpus.load([], with_project=True).part("train")
    labelled = [record for record in records if record.stance and record.sentiment]
    size = min(sentences, len(labelled))
    found: dict[str, Any] = {
        "machine": machine.describe(),
        "model": bundle.read_manifest(version).tag,
        "corpus": len(records),
        "sentences": size,
        "threads": threads,
        "contenders": {name: {"how": how, "seconds": []} for name, how in CONTENDERS.items()},
        "left_out": {},
    }
    with tempfile.TemporaryDirectory() as scratch, Steps(rounds * len(CONTENDERS)) as steps:
        folder = weights.convert(version, Path(scratch) / "weights")
        for number in range(rounds):
            file = Path(scratch) / f"{number}.jsonl"
            drawn = random.Random(number).sample(labelled, size)
            rows = (
                {"text": each.text, "stance": each.stance, "sentiment": each.sentiment}
                for each in drawn
            )
            file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            for name in CONTENDERS:
                steps.begin(f"round {number + 1}/{rounds}: {name}")
                if name in found["left_out"]:
                    continue
                try:
                    command = _command(name, version, folder, file, threads)
                except BenchmarkFailed as error:
                    found["left_out"][name] = str(error)
                    del found["contenders"][name]
                else:
                    seconds = processes.run(command, threads).said()["seconds"]
                    found["contenders"][name]["seconds"].append(seconds)
    return found


def _command(name: str, version: Path, folder: Path, file: Path, threads: int) -> Command:
    common: Command = ["--input", file, "--threads", str(threads)]
    if name == "claimstance":
        return [OURS, "-m", "benchmarks.epoch", "--version", version, *common]
    python = processes.environment("rivals")
    tuned = ["--tuned"] if name.endswith("tuned") else []
    return [python, "-m", "benchmarks.rivals.trainer", "--weights", folder, *common, *tuned]
