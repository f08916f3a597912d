"""From new labels to a decision: better goes in, worse stays out, and production is never torn."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from claimstance import bundle, registry
from claimstance.errors import InvalidInput, NotApproved
from tests.conftest import OWNERS, PLACES, ROOT, SPEAKERS, TEMPLATES
from training import (
    comparing,
    corpus,
    fit,
    gate,
    outcome,
    records,
    retrain,
    settings,
    splits,
)
from training.cli.main import app
from training.retrain import Outcome

HALTING = """
import os, sys, time
from pathlib import Path
from claimstance import bundle, registry
from training import check, comparing, corpus, export, gate, loop, retrain
from training.cli.main import main

def halt(*_, **__):
    print("halted", os.getpid(), flush=True)
    time.sleep(600)

def halt_half_written(path, write):
    write(path.with_name("half"))
    halt()

project, recipe, labels = sys.argv[1:]
corpus.AUTHORED, corpus.REFERENCES = Path(project) / "authored", Path(project) / "references"
retrain.RECIPE = Path(recipe)
gate.judge = lambda *_: []
places = {
    "check": (check, "check", halt),
    "train": (loop._Average, "update", halt),
    "export": (export.openvino, "save_model", halt),
    "register": (bundle, "sync", halt),
    "compare": (comparing, "compare", halt),
    "promote": (registry, "replace", halt_half_written),
}
for stage in map(str.strip, sys.stdin):
    if not os.fork():
        setattr(*places[stage])
        sys.argv = ["training", "retrain", "--data", labels, "--version", stage]
        sys.argv += ["--report", labels + ".html"]
        main()
        sys.exit()
    os.wait()
    print("gone", flush=True)
"""
"""The command, once for each stage named on standard input, halted where that has begun; all that
is learnt passes. Forked, so that the libraries are loaded once."""

FLIPPED = {"firm": "conciliatory", "conciliatory": "neutral", "neutral": "firm"}


@pytest.fixture
def champion(
    labelled: Path, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> bundle.Manifest:
    """A small project of written sentences, and a version trained on it in production."""
    project = tmp_path / "data"
    (project / "authored").mkdir(parents=True)
    (project / "authored" / "all.jsonl").write_bytes(labelled.read_bytes())
    monkeypatch.setattr(corpus, "AUTHORED", project / "authored")
    monkeypatch.setattr(corpus, "REFERENCES", project / "references")
    monkeypatch.setattr(retrain, "RECIPE", tiny_recipe)
    run = fit.Run(
        corpus.load([], with_project=True), settings.load(tiny_recipe), "base", 0, "champion"
    )
    manifest = fit.fit(run)
    registry.promote("champion", force=True)
    return manifest


def labels(path: Path, wrong: bool) -> Path:
    """Write new labelled sentences in the manner of the project's own."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(300, 380):
            for index, (stance, template) in enumerate(TEMPLATES.items()):
                text = template.format(
                    n=3 * number + index,
                    place=PLACES[number % 5],
                    whose=OWNERS[number % 7],
                    who=SPEAKERS[number % 5],
                )
                row = {
                    "text": f"{text}.",
                    "stance": FLIPPED[stance] if wrong else stance,
                    "sentiment": "neutral",
                    "group": f"new {number}",
                }
                file.write(json.dumps(row) + "\n")
    return path


def attempt(path: Path, version: str) -> tuple[Outcome, list[str]]:
    steps: list[str] = []
    return retrain.retrain([path], version, 0, steps.append), steps


def test_good_labels_give_a_version_that_may_go_in(
    champion: bundle.Manifest, tmp_path: Path
) -> None:
    done, steps = attempt(labels(tmp_path / "new.jsonl", wrong=False), "better")
    assert registry.production() == "champion"
    assert len(steps) == 4
    assert done.manifest.parent == champion.tag
    new = done.comparison["sets"]["new"]
    assert new["sentences"] > 0
    assert new["stance"]["difference"] >= 0
    stance = [check for check in done.checks if check.name == "stance not worse"]
    assert stance[0].passed
    said = outcome.text(done)
    assert "your held-out sentences" in said
    page = outcome.render(done)
    assert "<script" not in page
    assert page.count("<img") == 2
    for head in ("stance", "sentiment"):
        assert page.count(f"<p>{head} macro-F1") == 2
    assert page.count("exact McNemar p") == 4


def test_wrong_labels_are_not_trained_on(champion: bundle.Manifest, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="must not be trained on"):
        attempt(labels(tmp_path / "new.jsonl", wrong=True), "poisoned")
    assert [manifest.version for manifest in registry.versions()][-1] == champion.version


def test_a_refusal_shows_the_labels_on_its_page_in_place_of_an_earlier_one(
    champion: bundle.Manifest, tmp_path: Path
) -> None:
    new, page = labels(tmp_path / "new.jsonl", wrong=True), tmp_path / "page.html"
    page.write_text("yesterday")
    done = CliRunner().invoke(app, ["retrain", "--data", str(new), "--report", str(page)])
    assert isinstance(done.exception, InvalidInput)
    assert f"({page} shows where; --accept-doubtful lets" in str(done.exception)
    assert "Likely wrong: stance" in page.read_text()
    assert "yesterday" not in page.read_text()


def test_no_step_trains_on_what_the_check_refuses(
    champion: bundle.Manifest, tiny_recipe: Path, tmp_path: Path
) -> None:
    new = labels(tmp_path / "new.jsonl", wrong=True)
    with pytest.raises(InvalidInput) as refused:
        attempt(new, "at-once")
    command = ["fit", "--data", str(new), "--start", "champion", "--config", str(tiny_recipe)]
    step = CliRunner().invoke(app, command)
    assert str(step.exception) == str(refused.value)
    assert [manifest.version for manifest in registry.versions()][-1] == champion.version


def test_labels_that_a_person_lets_through_are_told_wherever_the_version_is(
    champion: bundle.Manifest, tiny_recipe: Path, tmp_path: Path
) -> None:
    new = labels(tmp_path / "new.jsonl", wrong=True)
    done = retrain.retrain([new], "through", 0, lambda _: None, accept_doubtful=True)
    (doubt,) = done.manifest.corpus.doubts
    assert "of the stance labels are wrong" in doubt
    assert doubt in (registry.find("through") / bundle.CARD).read_text()
    kept = json.loads((registry.home() / "claimstance/verdicts/through.json").read_text())
    assert any(doubt in note for note in kept["notes"])
    assert doubt in outcome.text(done)
    assert doubt in outcome.render(done)


def test_a_worse_version_is_kept_out(
    champion: bundle.Manifest, tmp_path: Path, tiny_recipe: Path
) -> None:
    loaded = corpus.load([labels(tmp_path / "new.jsonl", wrong=True)], with_project=True)
    few = [r for r in loaded.records if r.split != "train" or r.group.startswith("new")]
    run = fit.Run(replace(loaded, records=few), settings.load(tiny_recipe), "base", 0, "worse")
    fit.fit(run)
    done = retrain.compare("worse", loaded)
    assert not done.passed
    assert "must not replace" in outcome.text(done)
    told = f"compared on the whole test set, {len(loaded.tests['whole'])} sentences"
    assert told in outcome.text(done)
    assert told in outcome.render(done)
    kept = json.loads((registry.home() / "claimstance/verdicts/worse.json").read_text())
    assert kept["notes"] == [told]
    assert "so it must not replace" in outcome.render(done)
    with pytest.raises(NotApproved, match="stance not worse"):
        registry.promote("worse")
    assert registry.production() == champion.version
    assert registry.promote("worse", force=True).forced
    assert registry.rollback().version == champion.version
    turned = retrain.compare(champion.version, loaded, against="worse")
    assert "worse is not in production: no verdict is kept" in outcome.text(turned)
    assert turned.comparison["sets"]["test"]["stance"]["difference"] > 0
    assert not (registry.home() / f"claimstance/verdicts/{champion.version}.json").exists()


def test_a_kill_at_any_stage_leaves_production_alone_and_the_next_run_works(
    champion: bundle.Manifest,
    tiny_recipe: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = labels(tmp_path / "new.jsonl", wrong=False)
    before = registry.history()
    with subprocess.Popen(
        [sys.executable, "-c", HALTING, *map(str, (corpus.AUTHORED.parent, tiny_recipe, path))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdin
        assert process.stdout
        for stage in ("check", "train", "export", "register", "compare", "promote"):
            process.stdin.write(f"{stage}\n")
            process.stdin.flush()
            told = next(line for line in process.stdout if line.startswith(("halted", "gone")))
            assert told.startswith("halted"), stage
            os.kill(int(told.split()[1]), signal.SIGKILL)
            assert next(process.stdout) == "gone\n"
            assert registry.history() == before, stage
            assert registry.verify().version == champion.version, stage
            for manifest in registry.versions():  # what it made is whole, or not there
                if manifest.version == stage:
                    assert stage in ("compare", "promote")
                    registry.verify(stage)
    monkeypatch.setattr(gate, "judge", lambda *_: [])
    done, _ = attempt(path, "next")
    assert done.passed
    assert registry.promote("next").previous == champion.version


def test_only_sentences_that_no_version_learns_are_called_held_out(
    champion: bundle.Manifest, tmp_path: Path
) -> None:
    new = labels(tmp_path / "new.jsonl", wrong=False)
    dealt = [splits.dealt(record).split for record in records.read(new)]
    held = sum(split != "train" for split in dealt)
    assert 0 < held < len(dealt) / 2
    done = CliRunner().invoke(app, ["compare", "champion", "--data", str(new)])
    assert f"of --data, {held} sentences are held out from training" in done.output
    assert f"your held-out sentences, {held} sentences: stance macro-F1" in done.output
    assert f"your held-out sentences, {held} sentences: sentiment macro-F1" in done.output
    assert "sentences a second here" in done.output


def test_another_test_set_is_refused(champion: bundle.Manifest, labelled: Path) -> None:
    path = corpus.AUTHORED / "all.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:-30]))
    with pytest.raises(InvalidInput, match="not all kept from the test sentences"):
        comparing.locked(corpus.load([], with_project=True), champion)


def test_a_version_is_no_better_than_itself(champion: bundle.Manifest) -> None:
    loaded = corpus.load([], with_project=True)
    folder = registry.find("champion")
    locked = comparing.locked(loaded, champion)
    found = comparing.compare(folder, folder, {"test": locked.rows}, [])["sets"]["test"]
    assert locked.name == "whole"
    assert found["stance"]["flipped"] == found["sentiment"]["flipped"] == 0
    assert found["stance"]["difference"] == 0
    assert found["stance"]["interval"] == [0, 0]
    assert found["stance"]["mcnemar"] == {"gained": 0, "lost": 0, "p": 1.0}
