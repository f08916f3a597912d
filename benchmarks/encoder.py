"""Claimstance's encoder alone: how fast it goes through sentences that are tokenised already.

Run as a process of its own, as `claimstance score` runs it: a process for each core, each of one
thread. `python -m benchmarks.encoder --version FOLDER --input FILE --threads 2`.
"""

import argparse
import json
import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from claimstance import bundle
from claimstance.predictor import Predictor


def flops(config: dict[str, Any], length: int) -> float:
    """Return the operations of one sentence of `length` tokens: two a multiplication.

    Counted are the linear layers (queries, keys, values, output, and two of the feed-forward
    part) and both products of attention, which grow with the square of the length; norms,
    softmax, embeddings and heads are not. `config` is the encoder's, of BERT's form.
    """
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    linear = 2.0 * length * (4 * hidden * hidden + 2 * hidden * inner)
    attention = 2.0 * 2 * length * length * hidden
    return float(config["num_hidden_layers"] * (linear + attention))


def measure(version: Path, texts: list[str], processes: int) -> dict[str, Any]:
    """Return seconds, sentences, tokens without padding, operations, and the number type."""
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(processes)
    answers = context.SimpleQueue()
    # The same sentence is computed once, so it counts once.
    distinct = sorted(set(texts))
    crew = [
        context.Process(
            target=_work, args=(version, distinct[start::processes], together, answers), daemon=True
        )
        for start in range(processes)
    ]
    for process in crew:
        process.start()
    found = [answers.get() for _ in crew]
    for process in crew:
        process.join()
    config = json.loads((version / bundle.ENCODER).read_text(encoding="utf-8"))
    lengths = [length for part in found for length in part["lengths"]]
    return {
        "seconds": max(part["ended"] for part in found) - min(part["began"] for part in found),
        "sentences": len(lengths),
        "tokens": sum(lengths),
        "flop": sum(flops(config, length) for length in lengths),
        "precision": found[0]["precision"],
    }


def _work(version: Path, texts: list[str], together: Barrier, answers: Any) -> None:
    predictor = Predictor(version, 1)
    encoded = predictor.encode(texts)
    predictor.label(encoded[:64])
    together.wait()
    began = time.monotonic()
    predictor.label(encoded)
    ended = time.monotonic()
    lengths = [len(item.ids) for item in encoded]
    answers.put(
        {"began": began, "ended": ended, "lengths": lengths, "precision": predictor.precision}
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", type=Path, required=True, help="a model version's folder")
    parser.add_argument("--input", type=Path, required=True, help="JSON Lines, a sentence a line")
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    with arguments.input.open(encoding="utf-8") as lines:
        loaded = [json.loads(line)["text"] for line in lines]
    print(json.dumps(measure(arguments.version, loaded, arguments.threads)))
