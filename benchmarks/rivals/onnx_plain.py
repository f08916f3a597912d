"""onnxruntime on batches in the order of the file, as its tutorials do it."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
from transformers import AutoTokenizer

from benchmarks.rivals import job


def load(weights: Path, threads: int, graph: str = "model.onnx") -> job.Classify:
    """Return the graph as a classifier."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        weights / "onnx" / graph, options, providers=["CPUExecutionProvider"]
    )
    tokenizer = AutoTokenizer.from_pretrained(weights)
    config = json.loads((weights / "config.json").read_text(encoding="utf-8"))
    names = [config["id2label"][str(index)] for index in range(len(config["id2label"]))]

    def classify(texts: list[str]) -> tuple[list[str], list[float]]:
        labels: list[str] = []
        scores: list[float] = []
        for start in range(0, len(texts), job.BATCH):
            batch = tokenizer(
                texts[start : start + job.BATCH],
                padding=True,
                truncation=True,
                return_tensors="np",
            )
            (logits,) = session.run(["logits"], dict(batch))
            odds = np.exp(logits - logits.max(1, keepdims=True))
            best = logits.argmax(1)
            labels += [names[label] for label in best]
            scores += (odds.max(1) / odds.sum(1)).tolist()
        return labels, scores

    return classify


if __name__ == "__main__":
    job.run(load)
