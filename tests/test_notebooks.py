"""The notebooks run from top to bottom on what the repository holds."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from claimstance import bundle, registry
from tests.conftest import ROOT
from training import corpus

CORRECTED_BY_BOTH = """
import numpy as np
counts = Predictor.load().model.screen.both.stance_errors["counts"]
assert correction.sentences == np.sum(counts)
"""
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """This checkout by links, without the texts that may have been joined to its references."""
    (tmp_path / "data").mkdir()
    for path in (*ROOT.iterdir(), *(ROOT / "data").iterdir()):
        if path not in (ROOT / "data", corpus.ASSEMBLED):
            (tmp_path / path.relative_to(ROOT)).symlink_to(path)
    return tmp_path


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(path: Path, checkout: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, checkout)
    assert all(cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code")


def test_an_archive_is_corrected_by_the_errors_of_both_stages(
    screened_version: Path, checkout: Path
) -> None:
    registry.add(screened_version)
    registry.promote(bundle.read_manifest(screened_version).version, force=True)
    notebook = nbformat.read(ROOT / "notebooks" / "02_archive.ipynb", as_version=4)
    last = next(n for n, cell in enumerate(notebook.cells) if "Correction.of" in cell.source)
    notebook.cells[last + 1 :] = [nbformat.v4.new_code_cell(CORRECTED_BY_BOTH)]
    execute(notebook, checkout)
