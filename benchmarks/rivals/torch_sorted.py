"""Batches of similar length through torch, as sentence-transformers' `encode` does."""

import os
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from benchmarks.rivals import job


def load(weights: Path, threads: int) -> job.Classify:
    """Return the model as a classifier, in the type that `STANCE_NUMBERS` names."""
    torch.set_num_threads(threads)
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModelForSequenceClassification.from_pretrained(
        weights, trust_remote_code=True, dtype=getattr(torch, os.environ["STANCE_NUMBERS"])
    ).eval()
    names = [model.config.id2label[index] for index in range(model.config.num_labels)]

    @torch.inference_mode()
    def classify(texts: list[str]) -> tuple[list[str], list[float]]:
        order = sorted(range(len(texts)), key=lambda row: -len(texts[row]))
        labels, scores = [""] * len(texts), [0.0] * len(texts)
        for start in range(0, len(order), job.BATCH):
            rows = order[start : start + job.BATCH]
            batch = tokenizer(
                [texts[row] for row in rows], padding=True, truncation=True, return_tensors="pt"
            )
            best = model(**batch).logits.float().softmax(1).max(1)
            for row, score, label in zip(
                rows, best.values.tolist(), best.indices.tolist(), strict=True
            ):
                labels[row], scores[row] = names[label], score
        return labels, scores

    return classify


if __name__ == "__main__":
    job.run(load)
