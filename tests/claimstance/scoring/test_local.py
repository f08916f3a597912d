"""Units scored by this machine's processes: as one process would, however many there are."""

from pathlib import Path

import pytest

from claimstance.scoring import score
from claimstance.scoring.unit import How
from claimstance.screen import Reading
from tests.claimstance.scoring.conftest import Silent, state


def test_the_number_of_workers_changes_nothing(archive: Path, tmp_path: Path) -> None:
    for count in (1, 3):
        score.score([str(archive)], tmp_path / str(count), Silent(), engine=score.Engine(count))
    assert state(tmp_path / "1") == state(tmp_path / "3")


def test_workers_read_as_the_job_asks(
    archive: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path, how = str(archive / "AFG_03_1953.txt"), How("sentence", Reading(stance_only=True))
    score.score([path], tmp_path / "worker", Silent(), how=how, engine=score.Engine(1))
    request.getfixturevalue("in_process")
    score.score([path], tmp_path / "here", Silent(), how=how)
    shard = "sentences/part-000000.parquet"
    assert (tmp_path / "worker" / shard).read_bytes() == (tmp_path / "here" / shard).read_bytes()
