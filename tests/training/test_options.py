"""Where a page is to go is looked at before the work that fills it."""

import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from claimstance.errors import InvalidInput
from tests.conftest import ROOT
from training import check, retrain
from training.cli import options
from training.cli.main import app


@pytest.mark.parametrize("command", ["retrain --data x", "compare 1.2.0", "check x"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object) -> None:
        pytest.fail("the work has begun")

    for module, name in ((retrain, "retrain"), (retrain, "compare"), (check, "check")):
        monkeypatch.setattr(module, name, work)
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "page.html"
    done = CliRunner().invoke(app, [*command.split(), "--report", str(place)])
    assert isinstance(done.exception, InvalidInput)
    assert str(tmp_path / "file") in str(done.exception)


def test_a_folder_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=re.escape(f"{tmp_path}: is a folder")):
        options.page(tmp_path)
    assert options.page(tmp_path / "retrain.html") == tmp_path / "retrain.html"


def test_the_page_of_make_retrain_is_no_part_of_the_checkout() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    command = ["git", "check-ignore", "--quiet", "retrain.html"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
