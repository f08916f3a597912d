"""An archive job as every rival runs it: load, one batch to warm up, then file to Parquet."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

Classify = Callable[[list[str]], tuple[list[str], list[float]]]
"""Sentences in; their labels and the labels' scores out, in order."""

BATCH = 32
"""Sentences a batch: what the pipeline's and sentence-transformers' guides use."""

WARM_UP = ["The islands are an inseparable part of our territory.", "Talks go on."] * BATCH


def run(load: Callable[[Path, int], Classify]) -> None:
    """Do the job that the command line names; print when it was ready and when it was done.

    Args:
        load: given the folder with the weights and the number of threads, returns the classifier.
    """
    parser = argparse.ArgumentParser(description=sys.modules[load.__module__].__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="what weights.convert wrote")
    parser.add_argument("--input", type=Path, required=True, help="JSON Lines, a sentence a line")
    parser.add_argument("--output", type=Path, required=True, help="the Parquet file to write")
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    classify = load(arguments.weights, arguments.threads)
    classify(WARM_UP)
    ready = time.monotonic()
    with arguments.input.open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    labels, scores = classify(texts)
    table = pa.table({"text": texts, "stance": labels, "score": scores})
    pyarrow.parquet.write_table(table, arguments.output)
    print(json.dumps({"ready": ready, "done": time.monotonic()}))
