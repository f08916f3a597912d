"""Training: it learns, it is repeatable, it masks what is unlabelled, it leaves nothing behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from claimstance import Predictor, bundle, registry
from claimstance.errors import InvalidInput, ModelExists, ModelNotFound
from tests.conftest import ROOT
from training import corpus, fit, records, settings
from training.records import Record


def run(
    data: Path, recipe: Path, version: str | None = None, start: str = "base", seed: int = 0
) -> bundle.Manifest:
    loaded = corpus.load([data], with_project=False)
    return fit.fit(fit.Run(loaded, settings.load(recipe), start, seed, version))


def weights(version: str) -> dict[str, np.ndarray]:
    return safetensors.numpy.load_file(registry.find(version) / bundle.WEIGHTS)


def test_it_learns_and_the_served_graph_says_the_same(tiny_version: Path, labelled: Path) -> None:
    manifest = bundle.read_manifest(tiny_version)
    assert manifest.metrics["test"]["stance"]["macro_f1"] > 0.9
    distance = manifest.metrics["served_against_full_precision"]["stance"]
    assert distance["labels_changed"] < 0.05
    assert distance["largest_probability_change"] < 0.05
    rows = records.read(labelled)
    predictions = Predictor(tiny_version).predict([row.text for row in rows])
    right = [p.stance == row.stance for p, row in zip(predictions, rows, strict=True)]
    assert np.mean(right) > 0.9


def test_the_same_seed_gives_the_same_weights(labelled: Path, tiny_recipe: Path) -> None:
    for version, seed in (("one", 3), ("two", 3), ("other", 4)):
        run(labelled, tiny_recipe, version, seed=seed)
    one, two, other = weights("one"), weights("two"), weights("other")
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not all(np.array_equal(one[name], other[name]) for name in one)


def test_training_goes_on_from_a_version(
    tiny_version: Path, labelled: Path, tiny_recipe: Path
) -> None:
    registry.add(tiny_version)
    for start, name in (("tiny", "by-name"), (str(tiny_version), "by-path")):
        manifest = run(labelled, tiny_recipe, name, start)
        assert manifest.parent == "claimstance:tiny"
        assert manifest.base == bundle.read_manifest(tiny_version).base


def test_what_a_version_has_learnt_its_children_are_not_kept_from(
    tiny_version: Path,
    labelled: Path,
    tiny_recipe: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "all.jsonl").write_bytes(labelled.read_bytes())
    monkeypatch.setattr(corpus, "AUTHORED", tmp_path)
    monkeypatch.setattr(corpus, "REFERENCES", tmp_path / "references")
    loaded = corpus.load([], with_project=True)

    def kept_from(start: str) -> dict[str, list[Record]]:
        return fit.kept_from(fit.Run(loaded, settings.load(tiny_recipe), start, 0, "child"))

    assert kept_from("base").keys() == {"written", "whole"}
    # The tiny version was given the sentences as its user's own, whatever they are to the project.
    assert kept_from(str(tiny_version)) == {}
    parent = tmp_path / "parent"
    shutil.copytree(tiny_version, parent)
    manifest = bundle.read_manifest(parent)
    texts = {"written": records.text_fingerprint(loaded.tests["written"]), "whole": "another"}
    note = manifest.corpus.model_copy(update={"texts": texts})
    bundle.write_manifest(parent, manifest.model_copy(update={"corpus": note}))
    assert kept_from(str(parent)).keys() == {"written"}


def test_no_epoch_makes_a_version_of_the_same_weights(
    tiny_version: Path, labelled: Path, tiny_recipe: Path, tmp_path: Path
) -> None:
    registry.add(tiny_version)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(tiny_recipe.read_text().replace("epochs = 12", "epochs = 0"))
    run(labelled, recipe, "anew", "tiny")
    before, after = weights("tiny"), weights("anew")
    assert all(np.array_equal(before[name], after[name]) for name in before)
    registry.verify("anew")
    card = (registry.find("anew") / bundle.CARD).read_text()
    assert "the weights of claimstance:tiny, not trained further" in card
    with pytest.raises(InvalidInput, match="--start"):
        run(labelled, recipe, "nothing")


def test_a_missing_label_is_masked(labelled: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    path = tmp_path / "stance_only.jsonl"
    with path.open("w") as file:
        for line in labelled.read_text().splitlines():
            row = json.loads(line)
            del row["sentiment"]
            row["source"] = "gazette"
            file.write(json.dumps(row) + "\n")
    manifest = run(path, tiny_recipe, "half")
    assert "sentiment" not in manifest.metrics["test"]
    assert set(manifest.sentiment.thresholds.values()) == {1.0}
    start = json.loads((tmp_path / "stance_only.jsonl").read_text().splitlines()[0])
    assert "sentiment" not in start
    # A column called source makes no sentence a public archive's, whose text must not travel.
    assert len(bundle.read_golden(registry.find("half"))) == fit.GOLDEN


def test_a_taken_name_is_refused_before_training(
    tiny_version: Path, labelled: Path, tiny_recipe: Path
) -> None:
    registry.add(tiny_version)
    with pytest.raises(ModelExists):
        run(labelled, tiny_recipe, "tiny")


def test_a_name_that_no_folder_can_have_is_refused_before_training(
    labelled: Path, tiny_recipe: Path
) -> None:
    with pytest.raises(InvalidInput, match="--version"):
        run(labelled, tiny_recipe, "../up")


def test_too_little_data_is_refused(tiny_recipe: Path, tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text('{"text": "The reef is ours.", "stance": "firm"}\n')
    with pytest.raises(InvalidInput, match="too few"):
        run(path, tiny_recipe)


def test_an_unknown_start_is_refused(labelled: Path, tiny_recipe: Path) -> None:
    with pytest.raises(ModelNotFound):
        run(labelled, tiny_recipe, start="no-such-version")


def test_a_base_that_is_nowhere_is_refused(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    path = tmp_path / "recipe.toml"
    path.write_text(f'base = "{tmp_path / "nowhere"}"\n')
    with pytest.raises(ModelNotFound, match="nowhere"):
        run(labelled, path)


def test_an_unknown_key_in_a_recipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("learning_speed = 1\n")
    with pytest.raises(InvalidInput, match="learning_speed"):
        settings.load(path)


def command(data: Path, recipe: Path, version: str) -> list[str]:
    arguments = ["--data", str(data), "--no-corpus", "--config", str(recipe), "--version", version]
    return [sys.executable, "-m", "training", "fit", *arguments]


def test_the_command_prints_the_tag_last(labelled: Path, tiny_recipe: Path) -> None:
    result = subprocess.run(
        command(labelled, tiny_recipe, "told"),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert result.stdout.splitlines()[-1] == "claimstance:told"
    assert "dev stance macro-F1" in result.stdout
    assert registry.find("told")


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("delay", [0.0, 0.7, 1.4])
def test_a_killed_run_leaves_nothing_in_the_store(
    labelled: Path, tiny_recipe: Path, store: Path, tmp_path: Path, sign: int, delay: float
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    process = subprocess.Popen(
        command(labelled, tiny_recipe, "doomed"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(scratch)},
    )
    assert process.stdout
    for line in process.stdout:  # until it trains
        if line.startswith("epoch"):
            break
    time.sleep(delay)
    process.send_signal(sign)
    process.communicate(timeout=60)
    found = list(store.glob("models/claimstance/doomed"))
    if found:  # the run was faster than the signal: then it must be whole
        registry.verify("doomed")
    if sign != signal.SIGKILL:
        assert list(scratch.glob("claimstance-fit-*")) == []
