"""A job started again in its folder: resumed, appended to, or refused."""

from pathlib import Path

import pytest

from claimstance.errors import (
    DocumentUnreadable,
    InvalidInput,
    JobDiffers,
)
from claimstance.inputs.table import Columns
from claimstance.scoring import score
from claimstance.scoring.unit import How
from tests.claimstance.scoring.conftest import SENTENCES, Silent, rows, state

pytestmark = pytest.mark.usefixtures("in_process")


def test_done_work_is_not_done_again(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score.score([str(archive)], out, Silent())
    whole = state(out)
    first, *others = sorted((out / "sentences").iterdir())
    first.unlink()
    watcher = Silent()
    score.score([str(archive)], out, watcher)
    assert (watcher.before, watcher.after) == (len(others), 1)
    assert state(out) == whole


def test_another_job_in_the_folder_is_refused_and_named(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score.score([str(archive)], out, Silent())
    with pytest.raises(JobDiffers, match=r"split_by .*document.*sentence"):
        score.score([str(archive)], out, Silent(), how=How("sentence"))
    with pytest.raises(JobDiffers, match="columns"):
        score.score([str(archive)], out, Silent(), columns=Columns(text="text"))
    with pytest.raises(JobDiffers, match="inputs"):
        score.score([str(archive / "more.zip")], out, Silent())
    path = archive / "AFG_00_1950.txt"
    path.write_text("Another text.")
    with pytest.raises(JobDiffers, match=r"AFG_00_1950.txt: has changed"):
        score.score([str(archive)], out, Silent())
    score.score([str(archive)], out, Silent(), restart=True)
    path.unlink()
    with pytest.raises(JobDiffers, match=r"AFG_00_1950.txt: was there"):
        score.score([str(archive)], out, Silent())


def test_what_has_come_since_is_appended(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score.score([str(archive)], out, Silent())
    before = state(out)
    (archive / "new.txt").write_text(SENTENCES[0])
    log = archive / "log.jsonl"
    log.write_text('{"text": "It rained."}\n')
    with pytest.raises(JobDiffers, match="--append"):
        score.score([str(archive)], out, Silent())
    watcher = Silent()
    note = score.score([str(archive)], out, watcher, append=True)
    assert note["documents"]["in"] == 49
    assert watcher.after == 1
    with log.open("a") as file:
        file.write('{"text": "It rained again."}\n')
    note = score.score([str(archive)], out, Silent(), append=True)
    assert note["documents"]["in"] == 50
    assert [row["text"] for row in rows(out)][-1] == "It rained again."
    assert rows(out)[-1]["row"] == 2
    now = state(out)
    assert all(now[name] == value for name, value in before.items() if name != "rejects.jsonl")
    log.write_text('{"text": "It never rained."}\n{"text": "x"}\n{"text": "y"}\n')
    with pytest.raises(InvalidInput, match=r"log.jsonl: has changed since"):
        score.score([str(archive)], out, Silent(), append=True)


def test_a_last_row_that_went_on_is_no_new_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text\nIt rained")
    score.score([str(path)], tmp_path / "out", Silent())
    path.write_text("text\nIt rained heavily.\n")
    with pytest.raises(InvalidInput, match="has changed"):
        score.score([str(path)], tmp_path / "out", Silent(), append=True)


def test_a_folder_with_other_things_is_left_alone(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="other files"):
        score.score([str(archive)], archive, Silent())
    with pytest.raises(DocumentUnreadable, match="does not exist"):
        score.score([str(tmp_path / "none")], tmp_path / "out", Silent())
