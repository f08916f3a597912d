"""The same contract on a cluster: workers and a node die, and not a row is lost or twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from ray.cluster_utils import Cluster

from claimstance import bundle
from claimstance.predictor import precision
from claimstance.scoring import ray_engine
from claimstance.scoring.unit import EVERYTHING
from tests.claimstance.scoring.conftest import (
    PROGRAM,
    SENTENCES,
    rows,
    start,
    state,
    wait_for_shards,
)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Give a cluster of two node processes, of which the head does no work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        nodes = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
        )
        nodes.add_node(num_cpus=1)
        yield nodes
        nodes.shutdown()


def on_cluster(archive: Path, out: Path, address: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", PROGRAM, "score", str(archive), "--out", str(out)]
    command += ["--engine", "ray", "--ray-address", address]
    return subprocess.Popen(command)


def scorers() -> list[psutil.Process]:
    """Return the processes in which this test's cluster has units scored, and no other's."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            parents = " ".join(parent.name() for parent in process.parents()[:2])
            if "spawn_main" in " ".join(process.cmdline()) and "ray" in parents:
                found.append(process)
    return found


@pytest.mark.timeout(600)
def test_a_killed_worker_and_a_killed_node_cost_nothing(cluster: Cluster, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    for number in range(150):
        text = " ".join((*SENTENCES * 3, f"That was day {number}."))
        (archive / f"{number:03}.txt").write_text(text)
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert start(archive, whole).wait() == 0
    first = cluster.add_node(num_cpus=1)
    process = on_cluster(archive, out, cluster.address)
    try:
        wait_for_shards(out, 2)
        victim, *_ = scorers()
        os.kill(victim.pid, signal.SIGKILL)
        wait_for_shards(out, 6)
        cluster.remove_node(first, allow_graceful=False)
        assert process.wait(timeout=400) == 0
    finally:
        process.kill()
        process.wait()
    assert state(out) == state(whole)
    found = rows(out)
    assert len(found) == 150 * 10
    assert len({(row["source"], row["sentence"]) for row in found}) == len(found)


def test_a_job_begun_on_one_engine_ends_on_the_other(cluster: Cluster, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    for number in range(40):
        (archive / f"{number:03}.txt").write_text(" ".join(SENTENCES * 4))
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert start(archive, whole).wait() == 0
    begun = start(archive, out)
    wait_for_shards(out, 2)
    begun.kill()
    begun.wait()
    time.sleep(0.2)
    assert on_cluster(archive, out, cluster.address).wait(timeout=300) == 0
    assert state(out) == state(whole)


def test_a_node_that_computes_in_another_number_type_is_no_help(tmp_path: Path) -> None:
    actor = ray_engine._Actor(str(tmp_path), str(bundle.released()), EVERYTHING, "f8")
    (result,) = actor({"index": [0], "unit": ["{}"]})["result"]
    problem, _ = json.loads(result)["failed"]
    assert f"computes in {precision(bundle.read_manifest(bundle.released()))}" in problem
    assert "the job in f8" in problem
