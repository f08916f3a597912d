"""Who is compared: each candidate's graph, and what runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from claimstance import bundle
from claimstance.engine import Engine, Logits, precision

Run = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int64]], tuple[Logits, Logits]]
"""Padded ids and mask in, stance and sentiment logits out."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A graph and how it is run.

    `file` is the graph's, in the folder of those made for the comparison; None for the
    version's own. `exact` is float32 everywhere.
    """

    name: str
    engine: Literal["openvino", "onnxruntime", "torch"]
    file: str | None = None
    exact: bool = False

    def open(self, version: Path, graphs: Path, threads: int) -> Run:
        """Return what runs it on `threads` threads.

        Args:
            version: the model version's folder.
            graphs: where the graphs made from it lie.
            threads: processor threads.
        """
        if self.engine == "torch":
            return _torch(version, threads, self.exact)
        graph = graphs / self.file if self.file else version / bundle.GRAPH
        if self.engine == "onnxruntime":
            return _onnxruntime(graph, threads)
        return Engine(graph, threads, self.exact).run


REFERENCE = Candidate("torch float32", "torch", exact=True)
"""Whose labels count as right."""

BASE = Candidate("OpenVINO float32", "openvino", exact=True)
"""Whose speed the others' is a ratio to."""

FULL = Candidate("OpenVINO, the full graph", "openvino")
"""In bf16 where the processor has it."""

CORE = Candidate("OpenVINO int8, all NNCF quantises (the core)", "openvino", "int8_all.xml")
LINEAR = Candidate("OpenVINO int8, the encoder's linear layers", "openvino", "int8.xml")

KEPT = (4, 8)
"""How many of the dearest inputs of linear layers are not quantised in the mixed graphs."""

CALIBRATIONS = (100, 300, 1_000)
"""Sentences that set the ranges; the middle one where nothing else is said."""

MIXED = tuple(
    Candidate(f"OpenVINO int8, but for the {count} dearest", "openvino", f"mixed_{count}.xml")
    for count in KEPT
)
RECALIBRATED = tuple(
    Candidate(f"{LINEAR.name}, calibrated on {count:,}", "openvino", f"int8_{count}.xml")
    for count in CALIBRATIONS
    if count != CALIBRATIONS[1]
)
"""As fast as with any other ranges, so only their labels are measured."""

TIMED = (
    BASE,
    FULL,
    CORE,
    Candidate("OpenVINO, weights alone in 8 bits", "openvino", "weights.xml"),
    LINEAR,
    *MIXED,
    # Emulated where the processor lacks it, it is no contender.
    *([Candidate("torch bf16", "torch")] if precision() == "bf16" else []),
    Candidate("onnxruntime float32, fused", "onnxruntime", "full.onnx"),
    Candidate("onnxruntime dynamic int8 per tensor, fused", "onnxruntime", "tensor.onnx"),
    Candidate("onnxruntime dynamic int8 per channel, fused", "onnxruntime", "channel.onnx"),
    Candidate("onnxruntime static int8 per channel", "onnxruntime", "static.onnx"),
)

ALL = (*TIMED, *RECALIBRATED)


def _torch(version: Path, threads: int, exact: bool) -> Run:
    import torch

    from training import network

    torch.set_num_threads(threads)
    kind = torch.float32 if exact else torch.bfloat16
    whole = network.version(version, dropout=0.0).network.eval().to(kind)

    def run(ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> tuple[Logits, Logits]:
        with torch.inference_mode():
            output = whole(torch.from_numpy(ids), torch.from_numpy(mask))
        return output["stance"].float().numpy(), output["sentiment"].float().numpy()

    return run


def _onnxruntime(graph: Path, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def run(ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> tuple[Logits, Logits]:
        feed = {"input_ids": ids, "attention_mask": mask}
        stance, sentiment = session.run(["stance", "sentiment"], feed)
        return stance, sentiment

    return run
