"""A version trained again: the same weights, or told what differs; never from other data."""

import json
import random
from pathlib import Path

import pytest

from claimstance import bundle, registry
from claimstance.errors import InvalidInput
from training import corpus, fit, loop, reproduce, settings


def test_the_same_data_give_the_same_version(tiny_version: Path, labelled: Path) -> None:
    registry.add(tiny_version)
    outcome = reproduce.reproduce("tiny", [labelled])
    assert outcome.distance is None
    assert all(then == now for then, now in outcome.conditions.values())
    named = {"data", "code", "encoder", "torch", "tokenizers", "threads", "numbers"}
    assert outcome.conditions.keys() >= named
    assert "is reproduced" in outcome.text()
    assert [manifest.version for manifest in registry.versions()][-1] == "tiny"


def test_uncommitted_changes_are_not_called_the_same_code() -> None:
    same = {"code": ("0123abc-dirty", "0123abc-dirty"), "torch": ("2", "2")}
    told = reproduce.Reproduction("claimstance:a", same, None).text()
    assert "  ?      code: 0123abc-dirty; what had changed" in told
    assert "same   torch" in told


def test_the_order_of_the_rows_changes_nothing(
    tiny_version: Path, labelled: Path, tmp_path: Path
) -> None:
    registry.add(tiny_version)
    rows = labelled.read_text().splitlines(keepends=True)
    (tmp_path / "labels.jsonl").write_text("".join(reversed(rows)))
    assert reproduce.reproduce("tiny", [tmp_path / "labels.jsonl"]).distance is None


def test_what_differs_is_named_and_how_far_it_goes(
    tiny_version: Path, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.add(tiny_version)
    monkeypatch.setattr(loop, "seed_everything", lambda seed: random.Random(seed + 1))
    monkeypatch.setattr(fit, "git_commit", lambda: "another")
    outcome = reproduce.reproduce("tiny", [labelled])
    assert outcome.distance
    assert outcome.distance["stance"]["largest_probability_change"] > 0
    assert "OTHER  code" in outcome.text()
    assert "is not reproduced" in outcome.text()
    assert "same   encoder" in outcome.text()


def test_other_labels_are_refused_by_the_name_they_had(
    tiny_version: Path, labelled: Path, tmp_path: Path
) -> None:
    registry.add(tiny_version)
    changed = tmp_path / "changed.jsonl"
    first, rest = labelled.read_text().split("\n", 1)
    changed.write_text(json.dumps(json.loads(first) | {"stance": "neutral"}) + "\n" + rest)
    with pytest.raises(InvalidInput, match=r"given with --data \(it had labels.jsonl\)"):
        reproduce.reproduce("tiny", [changed])
    with pytest.raises(InvalidInput, match=r"now 0 train"):
        reproduce.reproduce("tiny", [])


def test_a_changed_corpus_is_named(
    labelled: Path, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tmp_path / "authored" / "all.jsonl"
    written.parent.mkdir()
    written.write_bytes(labelled.read_bytes())
    monkeypatch.setattr(corpus, "AUTHORED", written.parent)
    monkeypatch.setattr(corpus, "REFERENCES", tmp_path / "references")
    loaded = corpus.load([], with_project=True)
    fit.fit(fit.Run(loaded, settings.load(tiny_recipe), "base", 0, "whole"))
    assert bundle.read_manifest(registry.find("whole")).corpus.parts.keys() == loaded.parts.keys()
    written.write_text("".join(written.read_text().splitlines(keepends=True)[:-3]))
    with pytest.raises(InvalidInput, match=r"were trained on|trained on: the sentences written"):
        reproduce.reproduce("whole", [])


def test_a_version_that_started_from_another_is_reproduced(
    tiny_version: Path, labelled: Path, tiny_recipe: Path
) -> None:
    registry.add(tiny_version)
    loaded = corpus.load([labelled], with_project=False)
    fit.fit(fit.Run(loaded, settings.load(tiny_recipe), "tiny", 3, "second"))
    assert reproduce.reproduce("second", [labelled]).distance is None
