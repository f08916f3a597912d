"""Evaluating: figures by head and slice, the page and the card that show them."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from claimstance import Predictor, bundle, registry
from tests.conftest import ROOT
from training import card, evaluate, records


def test_figures_have_slices_and_confidence(tiny_version: Path, labelled: Path) -> None:
    rows = records.read(labelled)
    predictions = Predictor(tiny_version).predict([row.text for row in rows])
    figures = evaluate.figures(rows, predictions)
    assert set(figures) == {"stance", "sentiment"}
    slices = figures["stance"]["slices"]["register"]
    assert set(slices) == {"news", "speech"}
    assert sum(row["sentences"] for row in slices.values()) == len(rows)
    assert 0 <= figures["stance"]["confident"]["coverage"] <= 1


def test_a_column_of_the_users_makes_no_sentence_public(tiny_version: Path, labelled: Path) -> None:
    rows = records.read(labelled)
    predictions = Predictor(tiny_version).predict([row.text for row in rows])
    named = [replace(row, slices={"source": "gazette"}) for row in rows[:6]] + rows[6:]
    assert np.sum(evaluate.stance_errors(named, predictions)["counts"]) == len(rows)
    public = [replace(row, public=True) for row in rows[:6]] + rows[6:]
    assert np.sum(evaluate.stance_errors(public, predictions)["counts"]) == 6


def test_the_command_writes_json_and_a_page(
    tiny_version: Path, labelled: Path, tmp_path: Path
) -> None:
    registry.add(tiny_version)
    command = [sys.executable, "-m", "training", "evaluate", "tiny", "--data", str(labelled)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    figures = json.loads(printed.stdout)
    assert figures["model"] == "claimstance:tiny"
    subprocess.run([*command, "--report", str(tmp_path / "out")], cwd=ROOT, check=True)
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == figures
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 6
    assert "http" not in page
    assert f"{figures['stance']['macro_f1']:.3f}" in page


def test_the_card_tells_the_figures_of_the_manifest(tiny_version: Path) -> None:
    manifest = bundle.read_manifest(tiny_version)
    text = card.text(manifest)
    assert (tiny_version / bundle.CARD).read_text() == text
    stance = manifest.metrics["test"]["stance"]
    assert f"macro-F1 {stance['macro_f1']:.3f}" in text
    assert str(manifest.corpus.sentences["train"]) in text
    for row in stance["confusion"]:
        assert " | ".join(map(str, row)) in text


def test_the_released_card_is_that_of_its_manifest() -> None:
    folder = bundle.released()
    assert (folder / bundle.CARD).read_text() == card.text(bundle.read_manifest(folder))
