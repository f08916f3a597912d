"""The text that is worked on."""

import json
from pathlib import Path

import pytest

from benchmarks import texts
from claimstance.errors import DocumentUnreadable, InvalidInput


def test_an_archive_s_documents_come_in_an_order_that_does_not_change(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.txt").write_text(f"Speech {number}. It ends here.", encoding="utf-8")
    found = texts.load(tmp_path)
    assert found == texts.load(tmp_path)
    assert found != sorted(found)
    assert len(found) == 20


def test_sentences_are_split_normalised_and_counted() -> None:
    documents = ["It  is ours.\nNobody may take it.", "They met. They talked."]
    assert texts.sentences(documents, 3) == ["It is ours.", "Nobody may take it.", "They met."]
    assert len(texts.sentences(documents, 99)) == 4


def test_documents_are_taken_until_they_hold_enough() -> None:
    documents = ["One. Two.", "Three. Four.", "Five."]
    assert texts.holding(documents, 3) == (documents[:2], 4)
    assert texts.holding(documents, 99) == (documents, 5)


def test_without_an_archive_the_project_s_own_sentences_serve() -> None:
    assert len(texts.sentences(texts.load(None), 200)) == 200


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentUnreadable):
        texts.load(tmp_path / "absent.zip")
    with pytest.raises(InvalidInput):
        texts.load(tmp_path)


def test_what_is_written_is_what_every_contender_reads(tmp_path: Path) -> None:
    path = texts.write(['A "quoted" one.', "Zwölf."], tmp_path / "part.jsonl")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"text": 'A "quoted" one.'},
        {"text": "Zwölf."},
    ]
