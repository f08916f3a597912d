"""The notebooks run from top to bottom on what the repository holds."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from claimstance import bundle, registry
from tests.conftest import ROOT

CORRECTED_BY_BOTH = """
import numpy as np
counts = Predictor.load().model.screen.both.stance_errors["counts"]
assert correction.sentences == np.sum(counts)
"""
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def execute(notebook: nbformat.NotebookNode) -> None:
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(path: Path, store: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    execute(notebook)
    assert all(cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code")


def test_an_archive_is_corrected_by_the_errors_of_both_stages(screened_version: Path) -> None:
    registry.add(screened_version)
    registry.promote(bundle.read_manifest(screened_version).version, force=True)
    notebook = nbformat.read(ROOT / "notebooks" / "02_archive.ipynb", as_version=4)
    last = next(n for n, cell in enumerate(notebook.cells) if "Correction.of" in cell.source)
    notebook.cells[last + 1 :] = [nbformat.v4.new_code_cell(CORRECTED_BY_BOTH)]
    execute(notebook)
