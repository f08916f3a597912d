"""int8 graphs for OpenVINO, by NNCF after training, and what each layer's quantisation costs."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nncf
import numpy as np
import openvino

from benchmarks.engines.batches import CORE, Ids
from claimstance.engine import Engine

nncf.set_log_level(logging.ERROR)

ATTENTION = "ScaledDotProductAttention"
"""The products inside attention: never computed in int8, so that quantising what goes in only
costs."""


def weights_only(graph: Path, target: Path) -> None:
    """Write `graph` with its weights in 8 bits; it computes in what the engine computes in."""
    _save(nncf.compress_weights(_read(graph)), target)


def static(
    graph: Path,
    target: Path,
    calibration: Sequence[Ids],
    keep: Sequence[str] = (),
    attention: bool = False,
) -> None:
    """Write `graph` with its linear layers in int8: NNCF's transformer preset with SmoothQuant.

    Args:
        graph: the full graph.
        target: where to write to.
        calibration: sentences whose activations set the ranges.
        keep: names of operations that stay as they are.
        attention: quantise what goes into attention's own products too, as NNCF does unasked.
    """
    # One sentence at a time, so that no range is set by padding.
    items = [
        {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
        for ids in calibration
    ]
    quantised = nncf.quantize(
        _read(graph),
        nncf.Dataset(items),
        subset_size=len(items),
        model_type=nncf.ModelType.TRANSFORMER,
        ignored_scope=nncf.IgnoredScope(
            names=list(keep), types=[] if attention else [ATTENTION], validate=False
        ),
    )
    _save(quantised, target)


@dataclass(frozen=True, slots=True)
class Cost:
    """What quantising one input costs: the root mean square change of the logits.

    `operations` are those that read it.
    """

    operations: tuple[str, ...]
    change: float


def sensitivity(quantised: Path, sentences: Sequence[Ids], threads: int) -> list[Cost]:
    """Return what each quantised activation costs, the dearest first.

    Each is quantised alone, in a graph whose weights are int8 and whose other activations are
    not, computed in float32.
    """
    names = [node.get_friendly_name() for node in _quantisers(_read(quantised))]
    without = _logits(quantised, [], sentences, threads)
    costs = []
    for name in names:
        change = _logits(quantised, [name], sentences, threads) - without
        node = next(n for n in _quantisers(_read(quantised)) if n.get_friendly_name() == name)
        readers = (port.get_node() for port in node.output(0).get_target_inputs())
        costs.append(
            Cost(
                tuple(sorted(reader.get_friendly_name() for reader in readers)),
                float(np.sqrt((change**2).mean())),
            )
        )
    return sorted(costs, key=lambda cost: -cost.change)
