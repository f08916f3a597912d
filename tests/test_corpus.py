"""The corpus in the repository: valid, apart where it must be apart, and without others' text."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from claimstance.labels import Sentiment, Stance
from claimstance.text import digest
from tests.conftest import ROOT
from training import agreement, corpus, records, splits

AUTHORED = sorted((ROOT / "data" / "authored").glob("*.jsonl"))
CONTRASTS = sorted((ROOT / "data" / "contrasts").glob("*.jsonl"))
REFERENCES = sorted((ROOT / "data" / "references").glob("*.jsonl"))


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("path", [*AUTHORED, *CONTRASTS], ids=lambda p: p.name)
def test_written_sentences_are_valid(path: Path) -> None:
    for record in records.read(path):
        assert record.stance
        assert record.sentiment
        assert record.text == " ".join(record.text.split())


def test_golden_sentences_are_apart_from_the_corpus_and_all_of_one_dispute_each() -> None:
    golden = records.read(corpus.GOLDEN)
    assert Counter(record.stance for record in golden) == dict.fromkeys(Stance, 8)
    assert {record.sentiment for record in golden} == {*Sentiment, None}
    assert len({record.slices["dispute"] for record in golden}) == len(golden)
    texts = [record.text for record in golden]
    public = [row["sha256"] for path in REFERENCES for row in rows(path)]
    assert not {digest(text) for text in texts} & set(public)
    assert {corpus.known().splits[digest(text)] for text in texts} == {"test"}
    written = [record.text for path in AUTHORED for record in records.read(path)]
    assert splits.near(texts, written) == set()


@pytest.mark.parametrize("path", REFERENCES, ids=lambda p: p.name)
def test_references_hold_labels_and_places_and_no_text(path: Path) -> None:
    for row in rows(path):
        assert "text" not in row
        assert row["start"] < row["end"]
        assert len(row["sha256"]) == 64
        assert Stance(row["stance"])
        assert Sentiment(row["sentiment"])
        assert row["split"] in ("train", "dev", "test")


def test_held_out_documents_are_nowhere_in_training() -> None:
    splits: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path in REFERENCES:
        for row in rows(path):
            splits[row["source"], row["file"]].add(row["split"])
    assert all(len(found) == 1 for found in splits.values())


def test_held_out_sentences_were_labelled_twice() -> None:
    held = [row for path in REFERENCES for row in rows(path) if row["split"] != "train"]
    assert len(held) >= 2000
    assert all(len(row["passes"]) == 2 for row in held)


def test_no_sentence_is_there_twice() -> None:
    known = [row["sha256"] for path in REFERENCES for row in rows(path)]
    known += [digest(row["text"]) for path in [*AUTHORED, *CONTRASTS] for row in rows(path)]
    assert len(known) == len(set(known))


def test_contrast_sets_are_known_and_never_trained_on() -> None:
    contrasts = {digest(record.text) for path in CONTRASTS for record in records.read(path)}
    known = corpus.known().splits
    assert {known[sentence] for sentence in contrasts} == {"test"}
    assert not contrasts & {digest(r.text) for r in corpus.load([], with_project=True).records}


def test_the_corpus_splits_without_straddling() -> None:
    loaded = corpus.load([], with_project=True)
    splits = defaultdict(set)
    for record in loaded.records:
        splits[record.group].add(record.split)
    assert all(len(found) == 1 for found in splits.values())
    assert all(loaded.part(split) for split in ("train", "dev", "test"))


def test_the_datasheet_shows_the_agreement_that_the_labels_give() -> None:
    assert agreement.tables() in (ROOT / "data" / "README.md").read_text(encoding="utf-8")
