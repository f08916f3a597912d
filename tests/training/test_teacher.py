"""A larger version's word on sentences: asked for, kept without texts, learnt beside labels."""

from pathlib import Path

import pyarrow.parquet
import pytest

from claimstance import Predictor, bundle, registry
from claimstance.errors import InvalidInput
from claimstance.labels import STANCES
from claimstance.text import digest
from tests.conftest import archive_sentences
from training import corpus, evaluate, fit, reproduce, settings, teacher, unlabelled
from training.corpus import Corpus
from training.unlabelled import Sentence

OTHERS = 60


@pytest.fixture
def project(labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of written sentences, and archive sentences some of which nothing may learn."""
    folders = {name: tmp_path / name for name in ("authored", "references", "assembled")}
    for name, folder in folders.items():
        folder.mkdir()
        monkeypatch.setattr(corpus, name.upper(), folder)
    monkeypatch.setattr(corpus, "TEACHER", tmp_path / "teacher.parquet")
    (folders["authored"] / "all.jsonl").write_bytes(labelled.read_bytes())
    held = corpus.load([], with_project=True).part("test")[0]
    texts = [*archive_sentences(1000, 200), held.text]
    rows = [Sentence(text, "press/a", "train") for text in texts]
    rows += [Sentence(text, "press/b", "certify") for text in archive_sentences(2000, 50)]
    unlabelled.write(rows, folders["assembled"])
    return tmp_path


@pytest.fixture
def asked(project: Path, tiny_version: Path) -> Path:
    """What the tiny version, in production too, says of the project's sentences."""
    registry.add(tiny_version)
    registry.promote("tiny", force=True)
    teacher.teach(tiny_version, OTHERS, seed=0)
    return corpus.TEACHER


def loaded() -> Corpus:
    return corpus.load([], with_project=True)


def test_the_training_sentences_and_as_many_others_as_wished_are_asked_about(asked: Path) -> None:
    said = teacher._read(asked)
    held = [r for r in loaded().records if r.split != "train"]
    train = loaded().part("train")
    assert len(said) == len(train) + OTHERS
    assert all(teacher._key(record.text) in said for record in train)
    assert not any(teacher._key(record.text) in said for record in held)
    learnable = {teacher._key(text) for text in archive_sentences(1000, 200)}
    assert len(said.keys() & learnable) == OTHERS


def test_what_is_kept_is_what_the_version_says_and_no_text(asked: Path, tiny_version: Path) -> None:
    train = loaded().part("train")
    said = teacher._read(asked)
    predictions = Predictor(tiny_version).predict([record.text for record in train])
    for record, prediction in zip(train, predictions, strict=True):
        word = said[teacher._key(record.text)]["stance"]
        assert sum(word) == pytest.approx(1)
        assert word == pytest.approx(list(prediction.stance_scores.values()), abs=0.01)
    columns = set(pyarrow.parquet.read_schema(asked).names)
    assert columns == {"sha256"} | {f"{h}_{x}" for h, xs in evaluate.HEADS.items() for x in xs}


def test_sentences_that_production_leaves_open_are_drawn_more_often(tiny_version: Path) -> None:
    texts = archive_sentences(0, 400)
    predictions = Predictor(tiny_version).predict(texts)
    surest = [
        min(max(p.stance_scores.values()), max(p.sentiment_scores.values())) for p in predictions
    ]
    drawn = teacher._draw(predictions, 100, seed=0)
    assert len(set(drawn)) == 100
    assert drawn == teacher._draw(predictions, 100, seed=0)
    chosen = sum(surest[index] for index in drawn) / 100
    assert chosen < sum(surest) / len(surest)


def test_a_label_keeps_its_share_and_a_sentence_without_one_has_the_teachers(asked: Path) -> None:
    train = loaded().part("train")
    said = teacher._read(asked)
    learnt = teacher.taught(loaded(), 0.25)
    assert len(learnt) == len(train) + OTHERS
    for before, after in zip(train, learnt, strict=False):
        assert (after.text, after.stance) == (before.text, before.stance)
        word = said[teacher._key(before.text)]["stance"]
        for label, mine, theirs in zip(STANCES, after.shares["stance"], word, strict=True):
            assert mine == pytest.approx(0.75 * (label == before.stance) + 0.25 * theirs)
    for record in learnt[len(train) :]:
        assert record.stance is None
        assert record.sentiment is None
        assert record.public
        assert record.shares == said[teacher._key(record.text)]


def test_without_a_share_or_a_teacher_labels_alone_are_learnt(asked: Path) -> None:
    train = loaded().part("train")
    assert teacher.taught(loaded(), 0) == train
    asked.unlink()
    assert teacher.taught(loaded(), 0.5) == train


def test_a_version_tells_what_it_learnt_and_is_made_again_only_from_that(
    asked: Path, tiny_recipe: Path
) -> None:
    recipe = settings.load(tiny_recipe).model_copy(update={"teacher": 0.5, "epochs": 2})
    manifest = fit.fit(fit.Run(loaded(), recipe, "base", 0, "taught"))
    assert manifest.corpus.sentences["taught"] == OTHERS
    card = (registry.find("taught") / bundle.CARD).read_text()
    assert f"on what a larger version says of them and of {OTHERS} more" in card
    assert reproduce.reproduce("taught", []).distance is None

    teacher.teach(registry.find("taught"), OTHERS, seed=1)
    with pytest.raises(InvalidInput, match=r"data/teacher\.parquet"):
        reproduce.reproduce("taught", [])


def test_without_the_archives_sentences_nobody_can_be_asked(
    project: Path, tiny_version: Path
) -> None:
    (corpus.ASSEMBLED / unlabelled.FILE).unlink()
    with pytest.raises(InvalidInput, match="assemble"):
        teacher.teach(tiny_version, 1, seed=0)


def test_a_sentence_is_known_by_half_of_its_digest() -> None:
    assert teacher._key(" The reef  is ours. ").hex() == digest("The reef is ours.")[:32]
