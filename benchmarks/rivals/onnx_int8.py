"""onnxruntime's dynamic quantisation to int8, on batches in the order of the file."""

from pathlib import Path

from benchmarks.rivals import job, onnx_plain


def load(weights: Path, threads: int) -> job.Classify:
    """Return the quantised graph as a classifier."""
    return onnx_plain.load(weights, threads, "model_int8.onnx")


if __name__ == "__main__":
    job.run(load)
