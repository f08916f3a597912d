"""The int8 graph of a model version: made after training, and kept only where it is earned.

Activations are quantised by ranges seen on training sentences (static quantisation), with
SmoothQuant (Xiao et al. 2023) and bias correction as NNCF does them for transformers;
training/LOG.md tells what else was tried.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from claimstance import bundle, engine
from claimstance.bundle import Manifest, Quantised
from claimstance.engine import Engine
from claimstance.predictor import Ids, run_batches, softmax
from training import metrics
from training.metrics import Scores, Targets

# After claimstance, whose engine keeps both from reporting their use.
import nncf  # isort:skip
import openvino  # isort:skip

CALIBRATION = 300
"""Sentences that set the ranges: NNCF's own number."""

CHANGED = 0.01
"""Share of a head's labels that may differ from float32's."""

LOST = 0.005
"""Macro-F1 of stance that may be lost."""

SURE = 100
"""Fewer held-out sentences than these are too few to earn it on."""


def make(
    folder: Path,
    manifest: Manifest,
    calibration: Sequence[Ids],
    held_out: Sequence[Ids],
    stances: Targets,
) -> Manifest:
    """Give the version in `folder` an int8 graph if it is earned; return its manifest, not written.

    It is earned where on held-out sentences at most `CHANGED` of either head's labels differ from
    those of the full graph in float32, and at most `LOST` of stance's macro-F1 is lost. Without
    one, the manifest's metrics tell why.

    Args:
        folder: of a version that has its full graph.
        manifest: the version's.
        calibration: sentences that set the ranges.
        held_out: sentences to earn it on; none of those that were trained on.
        stances: their stances' indices, negative for none.
    """
    if not engine.has_vnni():
        return _none(manifest, "the processor that it was made on cannot compute it fast")
    if len(held_out) < SURE:
        return _none(manifest, f"{len(held_out)} held-out sentences are too few to earn it on")
    target = folder / bundle.INT8_GRAPH
    write(folder / bundle.GRAPH, target, calibration)
    found = _measured(folder, manifest, len(calibration), held_out, stances)
    changed = max(found.stance_changed, found.sentiment_changed)
    if changed <= CHANGED and (found.macro_f1_change or 0.0) >= -LOST:
        return manifest.model_copy(update={"int8": found})
    for name in bundle.QUANTISED:
        (folder / name).unlink()
    lost = "" if found.macro_f1_change is None else f", macro-F1 {found.macro_f1_change:+.3f}"
    return _none(manifest, f"it would change {changed:.1%} of labels{lost}")


def write(graph: Path, target: Path, calibration: Sequence[Ids], **options: Any) -> None:
    """Write `graph` in int8 to `target`: all that NNCF quantises in a transformer.

    `options` are further ones of `nncf.quantize`.
    """
    # One sentence at a time, so that no range is set by padding.
    items = [
        {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
        for ids in calibration
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantised = nncf.quantize(
            openvino.Core().read_model(graph),
            nncf.Dataset(items),
            subset_size=len(items),
            model_type=nncf.ModelType.TRANSFORMER,
            **options,
        )
    openvino.save_model(quantised, target, compress_to_fp16=True)


def _measured(
    folder: Path,
    manifest: Manifest,
    calibrated_on: int,
    held_out: Sequence[Ids],
    stances: Targets,
) -> Quantised:
    distinct = sorted(set(held_out), key=lambda ids: (len(ids), ids))
    place = {ids: row for row, ids in enumerate(distinct)}
    rows = np.array([place[ids] for ids in held_out])
    full = _scores(Engine(folder / bundle.GRAPH, exact=True), distinct, manifest, rows)
    small = _scores(Engine(folder / bundle.INT8_GRAPH), distinct, manifest, rows)
    stance, sentiment = (
        float((a.argmax(1) != b.argmax(1)).mean()) for a, b in zip(full, small, strict=True)
    )
    known = stances >= 0
    before, after = (
        metrics.macro_f1(stances[known], scores[0][known].argmax(1)) if known.any() else 0.0
        for scores in (full, small)
    )
    return Quantised(
        calibrated_on=calibrated_on,
        measured_on=len(held_out),
        stance_changed=stance,
        sentiment_changed=sentiment,
        largest_probability_change=max(
            float(np.abs(a - b).max()) for a, b in zip(full, small, strict=True)
        ),
        macro_f1_change=after - before if known.any() else None,
    )


def _scores(
    graph: Engine, distinct: list[Ids], manifest: Manifest, rows: npt.NDArray[np.int64]
) -> tuple[Scores, Scores]:
    """Return both heads' calibrated probabilities, in the order of `rows`."""
    stance, sentiment = run_batches(graph, distinct)
    return (
        softmax(stance, manifest.stance.temperature)[rows],
        softmax(sentiment, manifest.sentiment.temperature)[rows],
    )


def _none(manifest: Manifest, why: str) -> Manifest:
    return manifest.model_copy(update={"metrics": manifest.metrics | {"no_int8": why}})
