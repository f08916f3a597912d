"""The first stage: certified by a test that holds, learnt from the encoder, part of the version."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from claimstance import bundle, registry
from claimstance.errors import ModelInvalid
from tests.conftest import archive_sentences
from training import card, certify, corpus, network, records, screen, unlabelled
from training.certify import Said
from training.unlabelled import Sentence


def draw(chance: np.random.Generator, sentences: int) -> Said:
    """Draw sentences whose first stage is calibrated and whose encoder decides by chance."""
    stance = chance.beta(0.1, 1, sentences)
    sure = 1 - chance.beta(0.1, 1, sentences) / 2
    return Said(
        stance=np.stack([stance, np.zeros(sentences), 1 - stance], 1),
        sentiment=np.stack([sure, 1 - sure, np.zeros(sentences)], 1),
        takes=chance.random(sentences) < stance,
        differs=chance.random(sentences) > sure,
    )


@pytest.mark.parametrize(("observed", "of", "below"), [(0, 598, 0.005), (83, 20_000, 0.005)])
def test_bounds_are_those_of_the_binomial_test(observed: int, of: int, below: float) -> None:
    flags = np.arange(of) < observed
    assert certify.bound(flags).at_most <= below
    assert certify.bound(np.append(flags, True)).at_most > below
    assert certify.bound(np.ones(3, bool)).at_most == 1


@pytest.mark.parametrize("stance_only", [False, True])
def test_thresholds_become_looser_step_by_step(stance_only: bool) -> None:
    steps = certify.line(draw(np.random.default_rng(0), 5000), stance_only)
    assert [s[0] for s in steps] == sorted(s[0] for s in steps)
    assert [s[1] for s in steps] == sorted((s[1] for s in steps), reverse=True)
    assert steps[0] != steps[-1]
    assert all(s[1] == 0 for s in steps) == stance_only


def test_the_line_begins_before_the_first_sentence_that_goes_wrong() -> None:
    said = draw(np.random.default_rng(0), 5000)
    lucky = said.takes & (said.stance[:, 0] > 0.3)
    drawn = Said(said.stance, said.sentiment, lucky, np.zeros(5000, bool))
    first, _ = certify.line(drawn, stance_only=True)[0]
    assert 0 < first < 0.3


@pytest.mark.parametrize("stance_only", [False, True])
def test_what_is_certified_holds_nineteen_times_in_twenty(stance_only: bool) -> None:
    chance = np.random.default_rng(1)
    population = draw(chance, 300_000)
    broken, answered = 0, 0.0
    for _ in range(100):
        found = certify.certify(draw(chance, 5000), draw(chance, 10_000), stance_only, {})
        if found is None:
            continue
        steps = (found.stance_at_most, found.sentiment_from)
        true = certify.certificate(*steps, population, stance_only, {})
        answered += true.answered
        changed = [true.stance_changed, true.sentiment_changed]
        broken += true.missed.observed / true.missed.of > certify.MISSED or any(
            bound.observed / bound.of > certify.CHANGED for bound in changed if bound
        )
    assert broken <= 10
    assert answered > 30


def test_what_would_answer_next_to_nothing_is_not_certified() -> None:
    chance = np.random.default_rng(2)
    choosing, certifying = draw(chance, 6000), draw(chance, 20_000)
    certifying.differs[:] = True
    assert certify.certify(choosing, certifying, False, {}) is None
    assert certify.certify(choosing, certifying, True, {}) is not None


def test_a_version_carries_its_first_stage_and_what_is_certified(screened_version: Path) -> None:
    manifest = bundle.read_manifest(screened_version)
    bundle.check_files(screened_version, manifest)
    assert manifest.screen
    assert manifest.screen.learnt_from == 3000
    for found in (manifest.screen.both, manifest.screen.stance):
        assert found
        assert found.sentences == {"press": 3000}
        assert found.answered > 0.2
        assert found.missed.at_most <= certify.MISSED
        assert found.stance_changed.at_most <= certify.CHANGED
    assert manifest.screen.stance.sentiment_changed is None  # type: ignore[union-attr]
    assert "| stance alone | " in card.text(manifest)
    assert registry.add(screened_version) == manifest
    registry.verify("screened")


def test_a_damaged_first_stage_is_found(screened_version: Path, tmp_path: Path) -> None:
    bundle.copy(screened_version, tmp_path / "copy")
    with (tmp_path / "copy" / bundle.SCREEN_WEIGHTS).open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelInvalid, match="SHA-256"):
        bundle.check_files(tmp_path / "copy", bundle.read_manifest(tmp_path / "copy"))


def test_too_few_sentences_certify_nothing(tiny_version: Path, tmp_path: Path) -> None:
    manifest = bundle.read_manifest(tiny_version)
    few = [Sentence("A school was opened.", "press/a", "certify")] * 597
    found = screen.make(
        tmp_path, manifest, network.version(tiny_version, 0.0).network.embeddings,
        {"train": few, "choose": few, "certify": few}, [], seed=0,
    )  # fmt: skip
    assert found.screen is None
    assert "too few" in card.text(found)
    assert "None: no archive sentences were at hand" in card.text(manifest)
    assert list(tmp_path.iterdir()) == []


def test_a_version_keeps_the_first_stage_of_the_one_it_started_from(
    tiny_version: Path, screened_version: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_version, tmp_path / "child"))
    manifest = bundle.read_manifest(folder)
    embeddings = network.version(folder, 0.0).network.embeddings
    sentences: dict[unlabelled.Part, list[Sentence]] = {"train": []}
    sizes: dict[unlabelled.Part, tuple[int, int]] = {
        "choose": (20_000, 2000),
        "certify": (22_000, 3000),
    }
    for part, size in sizes.items():
        sentences[part] = [Sentence(text, "press/a", part) for text in archive_sentences(*size)]
    none = screen.make(folder, manifest, embeddings, sentences, [], 0, tiny_version)
    assert none.metrics["no_screen"].startswith("claimstance:tiny, which it started from, has none")
    held_out = [records.Record(text, None, None, "", "") for text in archive_sentences(9000, 50)]
    kept = screen.make(folder, manifest, embeddings, sentences, held_out, 0, screened_version)
    assert kept.screen
    assert kept.screen.learnt_from == 3000
    bundle.check_files(folder, bundle.read_manifest(folder))
    weights = (folder / bundle.SCREEN_WEIGHTS).read_bytes()
    assert weights == (screened_version / bundle.SCREEN_WEIGHTS).read_bytes()
    # Where there is something to learn from, one is learnt anew beside a parent that has one.
    sentences["train"] = [Sentence(text, "press/b", "train") for text in archive_sentences(0, 2900)]
    learnt = screen.make(folder, manifest, embeddings, sentences, held_out, 0, screened_version)
    assert learnt.screen
    assert learnt.screen.learnt_from == 2900
    assert (folder / bundle.SCREEN_WEIGHTS).read_bytes() != weights


def test_a_formula_of_many_documents_is_not_certified_on(tmp_path: Path) -> None:
    rows = [
        Sentence("We thank the Chair.", "un/a", "train"),
        Sentence("We thank the Chair.", "un/b", "choose"),
        Sentence("Peace is dear to us.", "un/b", "choose"),
        Sentence("We thank the Chair.", "un/c", "certify"),
        Sentence("Peace is dear to us.", "un/c", "certify"),
        Sentence("The reef is ours.", "un/c", "certify"),
        Sentence("The council met.", "un/c", "certify"),
    ]
    unlabelled.write(rows, tmp_path)
    sizes: dict[unlabelled.Part, int] = {"train": 0, "choose": 9, "certify": 9}
    found = unlabelled.read(
        tmp_path / unlabelled.FILE, sizes, seed=0, seen=frozenset({"The reef is ours."})
    )
    assert found == {"train": [], "choose": [rows[2]], "certify": [rows[6]]}


def test_sentences_are_drawn_by_what_they_are_for(tmp_path: Path) -> None:
    rows = [Sentence(f"No. {n}.", "press/a", "certify" if n % 2 else "train") for n in range(40)]
    unlabelled.write(rows, tmp_path)
    found = unlabelled.read(tmp_path / unlabelled.FILE, {"train": 5, "certify": 100}, seed=1)
    assert len(set(found["train"])) == 5
    assert sorted(found["certify"]) == sorted(rows[1::2])
    assert found == unlabelled.read(
        tmp_path / unlabelled.FILE, {"train": 5, "certify": 100}, seed=1
    )


def test_the_locked_test_part_is_never_used() -> None:
    assert unlabelled.part("un/a", "test") is None
    assert unlabelled.part("un/a", "dev") == unlabelled.part("un/a", None) == "certify"
    parts = {unlabelled.part(f"un/{number}", "train") for number in range(100)}
    assert parts == {"train", "choose"}


def test_files_alone_bring_no_unlabelled_sentences(labelled: Path) -> None:
    assert corpus.load([labelled], with_project=False).unlabelled is None
