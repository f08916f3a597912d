"""The graphs that are compared, made from a model version once and kept."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.engines import candidates, onnx_graphs, quantise
from benchmarks.engines.batches import Ids
from benchmarks.engines.quantise import Keep
from claimstance import bundle
from claimstance.durable import replace
from claimstance.errors import InvalidInput
from training import quantise as quantising

RANKING = 200
"""Sentences by which the inputs of layers are ranked; none of those that set ranges."""

SMOOTHING = 0.85
"""How much of the activations' range SmoothQuant moves into the weights (its alpha), but for the
core's graph: NNCF's own default there, 0.95."""


COSTS = "costs.json"
"""What quantising each input costs, beside the graphs."""

STEPS = 4 + len(candidates.CALIBRATIONS) + len(candidates.KEPT)
"""How often `make` tells what it does."""


def make(
    version: Path, folder: Path, setting: list[Ids], threads: int, begin: Callable[[str], None]
) -> None:
    """Write every candidate's graph into `folder`, and what quantising each input costs.

    Args:
        version: the model version's folder.
        folder: where to; files of the same names are replaced.
        setting: sentences for calibrating and ranking.
        threads: processor threads.
        begin: told what is being made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    graph = version / bundle.GRAPH
    ranking, calibration = setting[:RANKING], setting[RANKING:]
    usual = calibration[: candidates.CALIBRATIONS[1]]

    begin("weights in 8 bits")
    quantise.weights_only(graph, folder / "weights.xml")
    begin("int8, all that NNCF quantises")
    quantising.write(graph, folder / "int8_all.xml", usual)
    begin("what quantising each input costs")
    found = quantise.sensitivity(folder / "int8_all.xml", ranking, threads)
    cheap = quantise.cheap(graph)
    for count in candidates.CALIBRATIONS:
        begin(f"int8, the encoder's linear layers, calibrated on {count}")
        name = "int8.xml" if count == len(usual) else f"int8_{count}.xml"
        quantise.static(graph, folder / name, calibration[:count], cheap, SMOOTHING)
    linear = quantise.linear(graph)
    dearest = [cost.readers for cost in found if set(cost.readers) <= linear]
    for count in candidates.KEPT:
        begin(f"int8, but for the {count} dearest")
        names = [name for readers in dearest[:count] for name in readers]
        keep = Keep((*cheap.names, *names), cheap.types)
        quantise.static(graph, folder / f"mixed_{count}.xml", usual, keep, SMOOTHING)
    begin("onnxruntime's graphs")
    onnx_graphs.write(version, folder, usual)
    # Last, so that it stands only where all the graphs do.
    text = json.dumps([asdict(cost) for cost in found], indent=1)
    replace(folder / COSTS, lambda file: file.write_text(text, encoding="utf-8"))


def costs(folder: Path) -> list[dict[str, Any]]:
    """Return what `make` found quantising each input to cost, the dearest first.

    Raises:
        InvalidInput: the graphs have not been made.
    """
    try:
        return list(json.loads((folder / COSTS).read_text(encoding="utf-8")))
    except OSError as error:
        problem = "the graphs are not made yet; run `python -m benchmarks.engines graphs`"
        raise InvalidInput(problem, folder.name) from error
