"""One epoch of `python -m training fit`'s loop, by a process of its own."""

import argparse
import json
import time
from pathlib import Path

import torch

from claimstance.labels import SENTIMENTS, STANCES, Sentiment, Stance
from claimstance.text import normalize
from training import loop, network, settings
from training.loop import Example


def epoch(version: Path, file: Path) -> float:
    """Return the seconds of an epoch on labelled JSON Lines, from the weights of a version."""
    recipe = settings.load().model_copy(update={"epochs": 1, "min_steps": 0})
    order = loop.seed_everything(0)
    start = network.version(version, recipe.dropout)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    encoded = start.tokenizer.encode_batch([normalize(row["text"]) for row in rows])
    examples = [
        Example(
            item.ids[: recipe.max_tokens],
            STANCES.index(Stance(row["stance"])),
            SENTIMENTS.index(Sentiment(row["sentiment"])),
        )
        for item, row in zip(encoded, rows, strict=True)
    ]
    began = time.perf_counter()
    loop.train(start.network, examples, recipe, order, lambda _: "")
    return time.perf_counter() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", type=Path, required=True, help="a model version's folder")
    parser.add_argument("--input", type=Path, required=True, help="text, stance and sentiment")
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps({"seconds": epoch(arguments.version, arguments.input)}))
