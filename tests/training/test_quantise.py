"""The int8 graph: earned on held-out sentences or left out, and used only where it is fast."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from claimstance import Predictor, bundle, engine, golden
from claimstance.bundle import Manifest
from claimstance.errors import ModelInvalid
from claimstance.labels import STANCES
from training import quantise


@pytest.fixture
def version(tiny_version: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny version, on a machine that has VNNI."""
    monkeypatch.setattr(engine, "has_vnni", lambda: True)
    return Path(shutil.copytree(tiny_version, tmp_path / "version"))


def made(folder: Path, labelled: Path, sentences: int | None = None) -> Manifest:
    rows = [json.loads(line) for line in labelled.read_text().splitlines()][:sentences]
    ids = [item.ids for item in Predictor(folder).encode([row["text"] for row in rows])]
    stances = np.array([STANCES.index(row["stance"]) for row in rows])
    manifest = quantise.make(folder, bundle.read_manifest(folder), ids[:40], ids, stances)
    bundle.write_manifest(folder, manifest)
    return manifest


@pytest.fixture(scope="module")
def made_once(tiny_version: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny version with an int8 graph."""
    folder = tmp_path_factory.mktemp("quantised") / "version"
    shutil.copytree(tiny_version, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "has_vnni", lambda: True)
        made(folder, labelled)
    return folder


@pytest.fixture
def quantised(made_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny version with an int8 graph, on a machine that has VNNI."""
    monkeypatch.setattr(engine, "has_vnni", lambda: True)
    return Path(shutil.copytree(made_once, tmp_path / "quantised"))


def test_it_predicts_as_the_full_graph_does(version: Path, quantised: Path, labelled: Path) -> None:
    texts = [json.loads(line)["text"] for line in labelled.read_text().splitlines()]
    full = Predictor(version)
    before = full.predict(texts)
    manifest = bundle.read_manifest(quantised)
    assert manifest.int8 is not None
    assert manifest.int8.calibrated_on == 40
    assert manifest.int8.measured_on == len(texts)
    small = Predictor(quantised)
    assert small.precision == f"int8+{engine.precision()}"
    assert full.precision == engine.precision()
    after = small.predict(texts)
    changes = [
        abs(a.stance_scores[label] - b.stance_scores[label])
        for a, b in zip(before, after, strict=True)
        for label in a.stance_scores
    ]
    # bfloat16, in which the full graph may compute here, is not what it was measured against.
    assert 0 < max(changes) <= manifest.int8.largest_probability_change + 0.03
    changed = np.mean([a.stance != b.stance for a, b in zip(before, after, strict=True)])
    assert changed <= quantise.CHANGED
    assert [small.predict([text])[0] for text in texts[:20]] == after[:20]
    golden.check(quantised)


def test_one_that_changes_too_much_is_left_out(
    version: Path, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantise, "CHANGED", -1.0)
    manifest = made(version, labelled)
    assert manifest.int8 is None
    assert manifest.metrics["no_int8"].startswith("it would change ")
    assert not any((version / name).exists() for name in bundle.QUANTISED)
    assert Predictor(version).precision == engine.precision()


def test_too_few_held_out_sentences_cannot_earn_it(version: Path, labelled: Path) -> None:
    manifest = made(version, labelled, quantise.SURE - 1)
    assert manifest.metrics["no_int8"] == "99 held-out sentences are too few to earn it on"


def test_without_vnni_none_is_made_and_none_is_used(
    quantised: Path, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "has_vnni", lambda: False)
    assert Predictor(quantised).precision == engine.precision()
    assert "cannot compute it fast" in made(quantised, labelled).metrics["no_int8"]


def test_a_damaged_one_is_refused_where_it_would_predict(
    quantised: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (quantised / bundle.INT8_WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(ModelInvalid, match="SHA-256"):
        Predictor(quantised)
    with pytest.raises(ModelInvalid, match="SHA-256"):
        bundle.check_files(quantised, bundle.read_manifest(quantised))
    monkeypatch.setattr(engine, "has_vnni", lambda: False)
    Predictor(quantised).predict(["It is ours."])


def test_one_that_says_something_else_throughout_is_refused(quantised: Path) -> None:
    manifest = bundle.read_manifest(quantised)
    assert manifest.int8
    rows = bundle.read_golden(quantised)
    for row in rows:
        for head in ("stance_scores", "sentiment_scores"):
            row[head] = {label: 0.85 * score + 0.05 for label, score in row[head].items()}
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (quantised / bundle.GOLDEN).write_text(text)
    loose = manifest.int8.model_copy(update={"largest_probability_change": 0.2})
    bundle.write_manifest(quantised, manifest.model_copy(update={"int8": loose}))
    with pytest.raises(ModelInvalid, match="on average"):
        golden.check(quantised)
