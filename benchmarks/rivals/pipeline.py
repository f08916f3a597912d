"""transformers' text-classification pipeline with a batch size, as its guide shows it."""

from pathlib import Path

import torch
from transformers import pipeline

from benchmarks.rivals import job


def load(weights: Path, threads: int) -> job.Classify:
    """Return the pipeline as a classifier."""
    torch.set_num_threads(threads)
    model = pipeline(
        "text-classification",
        model=str(weights),
        trust_remote_code=True,
        device="cpu",
        batch_size=job.BATCH,
    )

    def classify(texts: list[str]) -> tuple[list[str], list[float]]:
        found = model(texts, truncation=True)
        return [item["label"] for item in found], [item["score"] for item in found]

    return classify


if __name__ == "__main__":
    job.run(load)
