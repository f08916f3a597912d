"""The inference engine: OpenVINO. Nothing outside this module knows which engine it is."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from claimstance.errors import ModelInvalid

# OpenVINO reports its use to its makers whenever it is imported, by way of this package; where the
# package cannot be imported, it does not. No variable of the environment has that effect.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino  # noqa: E402

Logits = npt.NDArray[np.float32]


VNNI = {"avx512_vnni", "avx_vnni"}
"""The processor's flags, one of which it has where it multiplies 8-bit numbers fast and without
overflow."""


@cache
def precision() -> str:
    """Return the floating-point type that this machine computes in: `bf16` or `f32`."""
    capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in capabilities else "f32"


def has_vnni() -> bool:
    """Tell whether int8 graphs are for this processor.

    Without these instructions they are slow, and sums of products may overflow. Known on Linux;
    elsewhere the answer is no.
    """
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return not VNNI.isdisjoint(told.split())


class Engine:
    """A compiled graph: padded token ids in, the two heads' logits out.

    Computes in bfloat16 where the processor has it (the labels stay those of float32, see
    `benchmarks/`), in float32 elsewhere; what a graph has quantised, in int8. Not safe for use by
    two threads at once.

    Args:
        graph: the graph file; its weights lie beside it.
        threads: processor threads to use; all when None.
        exact: compute in float32 everywhere.

    Raises:
        ModelInvalid: the graph cannot be compiled.
    """

    def __init__(self, graph: Path, threads: int | None = None, exact: bool = False) -> None:
        core = openvino.Core()
        self.precision = "f32" if exact else precision()
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": self.precision,
            # Pinned, the threads of all processes would share the same first cores.
            "ENABLE_CPU_PINNING": False,
        }
        if threads is not None:
            settings["INFERENCE_NUM_THREADS"] = str(threads)
        try:
            compiled = core.compile_model(graph, "CPU", settings)
        except RuntimeError as error:
            raise ModelInvalid("the graph cannot be compiled", str(graph)) from error
        self._request = compiled.create_infer_request()

    def run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> tuple[Logits, Logits]:
        """Return stance and sentiment logits, each of shape (sentences, 3).

        Args:
            ids: token ids, shape (sentences, tokens), right-padded.
            mask: 1 for a token, 0 for padding, same shape.
        """
        outputs = self._request.infer({"input_ids": ids, "attention_mask": mask})
        return outputs["stance"].copy(), outputs["sentiment"].copy()
