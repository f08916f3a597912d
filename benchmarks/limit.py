"""The processor's limit: the best rate at which it multiplies matrices, in each number type.

Run as a process of its own: `python -m benchmarks.limit --threads 2`.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from claimstance.engine import precision

# After claimstance, whose engine keeps it from reporting its use.
import openvino  # isort:skip
import openvino.opset13 as ops  # isort:skip

SHAPES = ((4096, 384, 384), (4096, 384, 1536), (4096, 1536, 384), (4096, 1024, 1024), (2048,) * 3)
"""Rows, inner size and columns: the products of this encoder on a batch of 4,096 tokens, and two
large ones."""

CHAINED = 4
"""Products one after another in an OpenVINO graph, so that feeding it weighs little."""

Run = Callable[[], object]


def best(threads: int, seconds: float) -> dict[str, dict[str, Any]]:
    """Return the best rate in GFLOP/s (for int8, GOP/s) of each number type, and with what.

    Args:
        threads: processor threads to use.
        seconds: how long each product of each engine is repeated; its fastest time counts.
    """
    torch.set_num_threads(threads)
    found: dict[str, dict[str, Any]] = {}
    for shape in SHAPES:
        for kind, engine, work, run in _contenders(shape, threads):
            rate = work / _fastest(run, seconds) / 1e9
            if rate > found.get(kind, {"rate": 0.0})["rate"]:
                found[kind] = {"rate": rate, "engine": engine, "shape": list(shape)}
    return found


def _contenders(shape: tuple[int, int, int], threads: int) -> Iterator[tuple[str, str, float, Run]]:
    """Yield number type, engine, operations, and what computes one product or a chain of them."""
    rows, inner, columns = shape
    work = 2.0 * rows * inner * columns
    # Where it is only emulated, bfloat16 has no limit of its own.
    floating = {"f32": torch.float32}
    if precision() == "bf16":
        floating["bf16"] = torch.bfloat16
    for kind, dtype in floating.items():
        a, b = torch.randn(rows, inner, dtype=dtype), torch.randn(inner, columns, dtype=dtype)
        out = torch.empty(rows, columns, dtype=dtype)
        yield kind, "torch", work, lambda a=a, b=b, out=out: torch.mm(a, b, out=out)  # type: ignore[misc]
    c = torch.randint(-127, 127, (rows, inner), dtype=torch.int8)
    d = torch.randint(-127, 127, (inner, columns), dtype=torch.int8)
    yield "int8", "torch", work, lambda: torch._int_mm(c, d)
    if inner == columns:
        for kind in (*floating, "int8"):
            yield kind, "openvino", CHAINED * work, _openvino(rows, inner, kind, threads)


def _openvino(rows: int, size: int, kind: str, threads: int) -> Run:
    """Return what computes a chain of products of a (rows, size) matrix with square ones."""
    random = np.random.default_rng(0)
    start = ops.parameter([rows, size], np.float32)
    node = start
    for _ in range(CHAINED):
        weights = random.standard_normal((size, size)).astype(np.float32) / np.float32(size**0.5)
        right = ops.constant(weights)
        if kind == "int8":
            node = ops.fake_quantize(node, *map(np.float32, (-4, 4, -4, 4)), 256)
            edge = np.abs(weights).max(0, keepdims=True)
            right = ops.fake_quantize(right, -edge, edge, -edge, edge, 255)
        node = ops.matmul(node, right, False, False)
    # What comes out is small, so that writing it weighs nothing.
    model = openvino.Model([ops.reduce_max(node, np.array([0, 1]))], [start])
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32" if kind == "f32" else precision(),
        "INFERENCE_NUM_THREADS": str(threads),
    }
    request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(random.standard_normal((rows, size), np.float32)))
    return lambda: request.infer()


def _fastest(run: Run, seconds: float) -> float:
    run()
    fastest = float("inf")
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        run()
        fastest = min(fastest, time.perf_counter() - began)
    return fastest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each product and engine")
    arguments = parser.parse_args()
    print(json.dumps(best(arguments.threads, arguments.seconds)))
