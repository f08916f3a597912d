"""transformers' pipeline streaming a dataset sorted by length, as its guides advise for speed."""

from pathlib import Path

import torch
from datasets import Dataset
from transformers import pipeline
from transformers.pipelines.pt_utils import KeyDataset

from benchmarks.rivals import job


def load(weights: Path, threads: int) -> job.Classify:
    """Return the pipeline as a classifier."""
    torch.set_num_threads(threads)
    model = pipeline(
        "text-classification", model=str(weights), trust_remote_code=True, device="cpu"
    )

    def classify(texts: list[str]) -> tuple[list[str], list[float]]:
        rows = {"row": range(len(texts)), "text": texts, "length": list(map(len, texts))}
        data = Dataset.from_dict(rows).sort("length", reverse=True)
        answers = model(KeyDataset(data, "text"), batch_size=job.BATCH, truncation=True)
        labels, scores = [""] * len(texts), [0.0] * len(texts)
        for row, answer in zip(data["row"], answers, strict=True):
            labels[row], scores[row] = answer["label"], answer["score"]
        return labels, scores

    return classify


if __name__ == "__main__":
    job.run(load)
