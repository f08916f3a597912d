"""int8 graphs for OpenVINO, by NNCF after training, and what each layer's quantisation costs."""

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.engines.batches import CORE, Batch, Ids
from claimstance.engine import Engine
from training.quantise import write

# After claimstance, whose engine keeps both from reporting their use.
import nncf  # isort:skip
import openvino  # isort:skip

nncf.set_log_level(logging.ERROR)

ATTENTION = "ScaledDotProductAttention"
"""The products inside attention: never computed in int8, so that quantising what goes in only
costs."""

POOLED = 2
"""Axes of what the heads give; inside the encoder there are three."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Operations that are not quantised, by name and by type."""

    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


def weights_only(graph: Path, target: Path) -> None:
    """Write `graph` with its weights in 8 bits; it computes in what the engine computes in."""
    _save(nncf.compress_weights(_read(graph)), target)


def static(
    graph: Path,
    target: Path,
    calibration: Sequence[Ids],
    keep: Keep,
    smoothing: float,
) -> None:
    """Write `graph` in int8 as `training.quantise.write` does, but for what is kept.

    Args:
        graph: the full graph.
        target: where to write to.
        calibration: sentences whose activations set the ranges.
        keep: what stays as it is.
        smoothing: SmoothQuant's alpha for linear layers, in [0, 1].
    """
    alphas = nncf.AdvancedSmoothQuantParameters(matmul=smoothing)
    write(
        graph,
        target,
        calibration,
        ignored_scope=nncf.IgnoredScope(names=list(keep.names), types=list(keep.types)),
        advanced_parameters=nncf.AdvancedQuantizationParameters(smooth_quant_alphas=alphas),
    )


def cheap(graph: Path) -> Keep:
    """Return what weighs next to nothing in time: attention's own products, and the heads."""
    return Keep(tuple(sorted(_products(graph, POOLED))), (ATTENTION,))


def linear(graph: Path) -> set[str]:
    """Return the names of the encoder's linear layers."""
    return _products(graph, POOLED + 1)


def _products(graph: Path, axes: int) -> set[str]:
    return {
        node.get_friendly_name()
        for node in _read(graph).get_ordered_ops()
        if node.get_type_name() == "MatMul" and len(node.get_output_partial_shape(0)) == axes
    }


@dataclass(frozen=True, slots=True)
class Cost:
    """What quantising one activation costs: the root mean square change of the logits.

    `readers` are the operations that it goes into.
    """

    readers: tuple[str, ...]
    change: float


def sensitivity(quantised: Path, sentences: Sequence[Ids], threads: int) -> list[Cost]:
    """Return what each quantised activation costs, the dearest first.

    Each is quantised alone, in a graph whose weights are int8 and whose other activations are
    not, computed in float32.
    """
    batches = CORE.cut(sentences)
    count = len(_quantisers(_read(quantised)))
    without, _ = _logits(quantised, None, batches, threads)
    costs = []
    for index in range(count):
        logits, readers = _logits(quantised, index, batches, threads)
        costs.append(Cost(readers, float(np.sqrt(((logits - without) ** 2).mean()))))
    return sorted(costs, key=lambda cost: -cost.change)


def _logits(
    quantised: Path, only: int | None, batches: list[Batch], threads: int
) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    """Return both heads' logits with one activation quantised, and what that one goes into."""
    model = _read(quantised)
    readers: tuple[str, ...] = ()
    for index, node in enumerate(_quantisers(model)):
        if index == only:
            into = (port.get_node() for port in node.output(0).get_target_inputs())
            readers = tuple(sorted(each.get_friendly_name() for each in into))
        else:
            node.output(0).replace(node.input_value(0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.xml"
        openvino.save_model(model, path, compress_to_fp16=False)
        engine = Engine(path, threads, exact=True)
        logits = [np.concatenate(engine.run(*batch), axis=1) for batch in batches]
    return np.concatenate(logits), readers


def _quantisers(model: Any) -> list[Any]:
    """Return the operations that quantise an activation; weights are quantised already."""
    return [node for node in model.get_ordered_ops() if node.get_type_name() == "FakeQuantize"]


def _read(graph: Path) -> Any:
    return openvino.Core().read_model(graph)


def _save(model: Any, target: Path) -> None:
    openvino.save_model(model, target, compress_to_fp16=True)
