"""The Ray engine: units on the nodes of a cluster, through Ray Data.

Inputs, the job's folder and the model version must have the same paths on every node (a shared
file system); what a node needs installed is the wheel.
"""

import json
import logging
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from claimstance import bundle
from claimstance.errors import JobFailed, NotInstalled
from claimstance.predictor import precision
from claimstance.scoring.job import finished
from claimstance.scoring.local import Crew, Task
from claimstance.scoring.plan import Unit
from claimstance.scoring.unit import How, Result

MOST_BLOCKS = 10_000
"""Into how many parts the units are dealt; each is done again whole when its node is lost,
less those of its units whose shards stand."""


def score(
    folder: Path,
    version: Path,
    how: How,
    tasks: Iterator[Task],
    workers: int | None,
    address: str,
) -> Iterator[Result]:
    """Score units on a Ray cluster; yield what became of each, as they come in.

    Actors and nodes that are lost are made up for by Ray; a shard that stands is not made again.

    Args:
        folder: the job's.
        version: the folder of the model version.
        how: how texts become rows.
        tasks: the units to score.
        workers: how many actors, of one core each; as many as the cluster has cores when None.
        address: the cluster's, or "" for one on this machine that ends with the job.

    Raises:
        NotInstalled: Ray is missing.
        JobFailed: Ray gives up, a node computes in another number type than this machine, or a unit
            cannot be written.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise NotInstalled("the Ray engine needs `pip install 'claimstance[ray]'`") from error
    numbers = precision(bundle.read_manifest(version))
    orders = [{"index": i, "unit": json.dumps(unit.to_json())} for i, unit in tasks]
    if not orders:
        return
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ours = not ray.is_initialized()
    if ours:
        ray.init(
            address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=False,
        )
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        blocks = min(len(orders), MOST_BLOCKS)
        results = ray.data.from_items(orders, override_num_blocks=blocks).map_batches(
            _Actor,
            fn_constructor_args=(str(folder.resolve()), str(version.resolve()), how, numbers),
            batch_size=1,
            batch_format="pandas",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=count),
            num_cpus=1,
        )
        for row in results.iter_rows():
            result = json.loads(row["result"])
            if "failed" in result:
                raise JobFailed(*result["failed"])
            yield Result.from_json(result)
    except ray.exceptions.RayError as error:
        raise JobFailed(
            f"Ray gave up ({str(error).splitlines()[-1]}); what is done stays"
        ) from error
    finally:
        if ours:
            ray.shutdown()


class _Actor:
    """Scores units in a process of its own, as the local engine does.

    So a document that kills it costs itself alone, on a cluster too.
    """

    def __init__(self, folder: str, version: str, how: How, numbers: str) -> None:
        self._folder = Path(folder)
        self._asked = numbers
        self._own = precision(bundle.read_manifest(Path(version)))
        self._crew = Crew(self._folder, Path(version), how, 1)

    def __call__(self, batch: Any) -> dict[str, list[str]]:
        if self._own != self._asked:
            problem = (
                f"the node {platform.node()} computes in {self._own}, and the job in {self._asked}:"
                " labels would depend on which node scores what; start it from a node of the kind "
                "that all workers are of"
            )
            return {"result": [json.dumps({"failed": [problem, None]})]}
        (index,), (unit,) = batch["index"], batch["unit"]
        result = finished(self._folder, int(index))
        if result is None:
            try:
                (result,) = self._crew.score(iter([(int(index), Unit.from_json(json.loads(unit)))]))
            except JobFailed as error:
                return {"result": [json.dumps({"failed": [error.message, error.where]})]}
        return {"result": [json.dumps(result.to_json())]}
