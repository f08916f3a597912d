"""References find their sentence in a copy of the archives, and in nothing else."""

import csv
import json
import zipfile
from pathlib import Path

import pyarrow.parquet
import pytest

from claimstance.errors import DocumentUnreadable
from claimstance.text import digest
from training import corpus, records
from training.assemble import assemble
from training.unlabelled import FILE

SPEECH = "1.\tThe reef is ours. We shall   keep\nit."
PAGE = "<p>\n MR. DANE: They agreed to talk &amp; <em>we</em> welcome it.</p>"
ARTICLE = "It rained.\n\nThe council met."


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    folder = tmp_path / "archives"
    (folder / "news").mkdir(parents=True)
    with zipfile.ZipFile(folder / "un_general_debate.zip", "w") as archive:
        archive.writestr("un_general_debate/XXX_01_1950.txt", SPEECH)
    with zipfile.ZipFile(folder / "white_house_briefings.zip", "w") as archive:
        archive.writestr("white_house_briefings/0001.html", PAGE)
    with (folder / "news" / "wikinews_2019.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["url", "date", "title", "text"])
        writer.writerow(["https://example.org/wiki/Rain", "2019-01-01", "Rain", ARTICLE])
    return folder


def reference(source: str, file: str, raw: str, part: str, sentence: str) -> dict[str, object]:
    start = raw.index(part)
    return {
        "source": source,
        "file": file,
        "start": start,
        "end": start + len(part),
        "sha256": digest(sentence),
        "stance": "neutral",
        "sentiment": "neutral",
        "split": "train",
    }


@pytest.fixture
def references(tmp_path: Path) -> Path:
    folder = tmp_path / "references"
    folder.mkdir()
    rows = [
        reference(
            "un_general_debate",
            "XXX_01_1950.txt",
            SPEECH,
            "We shall   keep\nit.",
            "We shall keep it.",
        ),
        reference(
            "white_house_briefings",
            "0001.html",
            PAGE,
            PAGE[5:-4],
            "MR. DANE: They agreed to talk & we welcome it.",
        ),
        reference("wikinews", "Rain", ARTICLE, "The council met.", "The council met."),
        reference("wikinews", "Rain", ARTICLE, "It rained.", "It did not rain."),
        reference("un_general_debate", "YYY_01_1950.txt", SPEECH, "The reef", "The reef"),
    ]
    (folder / "all.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_what_matches_its_hash_is_joined(archives: Path, references: Path, tmp_path: Path) -> None:
    counts = assemble(archives, references, tmp_path / "assembled")
    assert counts == {
        "un_general_debate": (1, 2),
        "white_house_briefings": (1, 1),
        "wikinews": (1, 2),
    }
    rows = records.read(tmp_path / "assembled" / "all.jsonl")
    assert [row.text for row in rows] == [
        "We shall keep it.",
        "MR. DANE: They agreed to talk & we welcome it.",
        "The council met.",
    ]
    assert rows[0].group == "un_general_debate/XXX_01_1950.txt"
    assert rows[0].split == "train"


def test_the_other_sentences_are_left_beside_without_those_of_the_test_part(
    archives: Path, references: Path, tmp_path: Path
) -> None:
    tested = reference("wikinews", "Rain", ARTICLE, "It rained.", "It rained.") | {"split": "test"}
    (references / "all.jsonl").write_text(json.dumps(tested) + "\n")
    assemble(archives, references, tmp_path / "assembled")
    table = pyarrow.parquet.read_table(tmp_path / "assembled" / FILE).to_pylist()
    assert [(row["document"], row["text"]) for row in table] == [
        ("un_general_debate/XXX_01_1950.txt", "The reef is ours."),
        ("un_general_debate/XXX_01_1950.txt", "We shall keep it."),
        ("white_house_briefings/0001.html", "MR. DANE: They agreed to talk & we welcome it."),
    ]
    assert {row["part"] for row in table} == {"certify"}


def test_a_missing_archive_is_counted_not_fatal(
    archives: Path, references: Path, tmp_path: Path
) -> None:
    (archives / "un_general_debate.zip").unlink()
    counts = assemble(archives, references, tmp_path / "assembled")
    assert counts["un_general_debate"] == (0, 2)


def test_some_of_the_archives_are_enough_to_train(
    archives: Path, references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = reference("wikinews", "Rain", ARTICLE, "The council met.", "The council met.")
    (references / "news.jsonl").write_text(json.dumps(row | {"split": "test"}) + "\n")
    (archives / "news" / "wikinews_2019.csv").unlink()
    assemble(archives, references, tmp_path / "assembled")
    monkeypatch.setattr(corpus, "AUTHORED", tmp_path)
    monkeypatch.setattr(corpus, "REFERENCES", references)
    monkeypatch.setattr(corpus, "ASSEMBLED", tmp_path / "assembled")
    loaded = corpus.load([], with_project=True)
    assert len(loaded.records) == 2
    assert all(record.public for record in loaded.records)
    assert loaded.lacking == 4
    assert "whole" not in loaded.tests


def test_no_archive_at_all_is_an_error(references: Path, tmp_path: Path) -> None:
    with pytest.raises(DocumentUnreadable, match="none of the archives"):
        assemble(tmp_path, references, tmp_path / "assembled")
    assert not (tmp_path / "assembled").exists()


def test_a_damaged_archive_is_an_error_and_the_old_join_stays(
    archives: Path, references: Path, tmp_path: Path
) -> None:
    assemble(archives, references, tmp_path / "assembled")
    (archives / "un_general_debate.zip").write_bytes(b"no zip")
    with pytest.raises(DocumentUnreadable, match="damaged"):
        assemble(archives, references, tmp_path / "assembled")
    assert (tmp_path / "assembled" / "all.jsonl").exists()
