"""Checking labelled files: everything wrong is told, and what would do harm is refused."""

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from claimstance import Predictor
from claimstance.labels import STANCES
from claimstance.text import digest, normalize
from tests.conftest import ROOT
from training import check, check_page, corpus, language, records, splits
from training.check import Report
from training.records import Record

Row = dict[str, Any]


def written(folder: Path, rows: Sequence[Row]) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def section(report: Report, title: str) -> check.Section:
    return next(s for s in report.sections if s.title == title)


@pytest.fixture(scope="session")
def written_sentences() -> dict[str, list[Record]]:
    """Sentences written for the project, by split."""
    rows = records.read(corpus.AUTHORED / "free_1.jsonl")
    dealt = [splits.dealt(row) for row in rows]
    return {split: [r for r in dealt if r.split == split] for split in ("train", "dev", "test")}


@pytest.fixture(scope="session")
def clean(written_sentences: dict[str, list[Record]]) -> list[Row]:
    """Rightly labelled sentences, none of them held out."""
    held = corpus.known().held_out
    rows = written_sentences["train"][:200]
    pairs = splits.near_duplicates([*held, *(row.text for row in rows)])
    straddling = {second - len(held) for first, second in pairs if first < len(held)}
    return [
        {"text": row.text, "stance": str(row.stance), "sentiment": str(row.sentiment)}
        for index, row in enumerate(rows)
        if index not in straddling
    ]


def test_good_labels_are_not_refused(tmp_path: Path, clean: list[Row], released: Predictor) -> None:
    report = check.check([written(tmp_path, clean)], released)
    assert report.reasons == []
    assert sum(report.balance["stance"].values()) == len(clean)
    told = section(report, "Likely wrong: stance").told
    assert "taken not to have learnt from this file" in told
    assert f"({len(clean)} sentences are in the project's training part" in told


def test_a_third_of_the_labels_flipped_is_refused(
    tmp_path: Path, clean: list[Row], released: Predictor
) -> None:
    chance = random.Random(0)
    flipped = set(chance.sample(range(len(clean)), len(clean) // 3))
    rows = [
        row | {"stance": chance.choice([s for s in STANCES if s != row["stance"]])}
        if index in flipped
        else row
        for index, row in enumerate(clean)
    ]
    path = written(tmp_path, rows)
    report = check.check([path], released)
    (refusal,) = report.doubts
    assert "of the stance labels are wrong" in refusal
    table = section(report, "Likely wrong: stance").rows
    assert len(table) / len(rows) == pytest.approx(1 / 3, abs=0.1)
    right = [int(row[0].rsplit(" ", 1)[1]) - 1 in flipped for row in table]
    assert sum(right) / len(right) > 0.8
    # The likeliest come first: the sentence, its label, what the model thinks.
    assert sum(right[:20]) >= 18
    number = int(table[0][0].rsplit(" ", 1)[1]) - 1
    assert table[0][1] == rows[number]["stance"]
    assert table[0][2].startswith(clean[number]["stance"])
    assert table[0][3] == normalize(rows[number]["text"])


def test_few_labels_are_judged_but_not_refused_for_it(
    tmp_path: Path, clean: list[Row], released: Predictor
) -> None:
    rows = [
        {"text": row["text"], "stance": "neutral" if number % 2 else "firm"}
        for number, row in enumerate(clean[:20])
    ]
    report = check.check([written(tmp_path, rows)], released)
    assert report.reasons == []
    assert "too few" in section(report, "Likely wrong: stance").told


def test_held_out_sentences_are_refused(
    tmp_path: Path,
    clean: list[Row],
    written_sentences: dict[str, list[Record]],
    released: Predictor,
) -> None:
    same, near = written_sentences["test"][0].text, written_sentences["dev"][0].text
    assert len(near.split()) > 12
    altered = near.rsplit(" ", 1)[0] + " today."
    rows = [
        *clean[:5],
        {"text": f"  {same} ", "stance": "firm"},
        {"text": altered, "stance": "firm"},
        {"text": records.read(corpus.GOLDEN)[0].text, "stance": "firm"},
    ]
    report = check.check([written(tmp_path, rows)], released)
    assert "3 sentences are held out" in report.refusals[0]
    alike = [
        (row[0].rsplit(" ", 1)[1], row[1]) for row in section(report, "Held-out sentences").rows
    ]
    assert alike == [("6", "the same"), ("7", "nearly the same"), ("8", "the same")]


def test_public_held_out_sentences_are_known_without_their_text(
    tmp_path: Path, released: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = tmp_path / "references"
    references.mkdir()
    text = "No other sentence in the corpus says this of the lighthouse."
    (references / "a.jsonl").write_text(
        json.dumps({"sha256": digest(text), "split": "test"}) + "\n"
    )
    monkeypatch.setattr(corpus, "REFERENCES", references)
    report = check.check([written(tmp_path, [{"text": text, "stance": "firm"}])], released)
    assert "1 sentences are held out" in report.refusals[0]


def test_every_row_that_does_not_fit_is_told(tmp_path: Path, released: Predictor) -> None:
    path = tmp_path / "labels.jsonl"
    rows = [
        '{"text": "The reef is ours.", "stance": "firm"}',
        "{",
        '{"text": " ", "stance": "firm"}',
    ]
    rows += ['{"text": "It rained.", "stance": "hawkish"}'] * 30
    path.write_text("\n".join(rows))
    report = check.check([path], released)
    assert report.refusals[0] == "32 rows do not fit"
    told = check_page.text(report)
    assert "  row 2 | is not JSON" in told
    assert "  row 3 field text | must hold a sentence" in told
    assert told.count("the label 'hawkish' is unknown") == 30
    assert "'hawkish' (30)" in told


def test_contradictions_and_copies_are_told(
    tmp_path: Path, clean: list[Row], released: Predictor
) -> None:
    near = clean[2]["text"].rsplit(" ", 1)[0] + " then."
    other = {**clean[1], "stance": next(s for s in STANCES if s != clean[1]["stance"])}
    rows = [*clean[:3], clean[0], other, {**clean[2], "text": near}]
    report = check.check([written(tmp_path, rows)], released)
    (contradiction,) = section(report, "Contradictory labels").rows
    assert normalize(clean[1]["text"]) in contradiction
    assert "row 2" in contradiction[0]
    assert "row 5" in contradiction[0]
    (copy,) = section(report, "Duplicates").rows
    assert normalize(clean[0]["text"]) in copy
    (pair,) = section(report, "Near duplicates").rows
    assert normalize(near) in pair
    assert report.reasons == []


def test_other_languages_are_told_and_short_sentences_not_judged(
    tmp_path: Path, released: Predictor
) -> None:
    texts = [
        "Les îles font partie intégrante de notre territoire et le resteront toujours.",
        "这些岛屿自古以来就是我国领土不可分割的一部分。",
        "Oui, bien sûr.",
        "The islands are an inseparable part of our territory and will remain so.",
    ]
    path = written(tmp_path, [{"text": text, "stance": "firm"} for text in texts])
    rows = section(check.check([path], released), "Languages other than English").rows
    assert [row[1] for row in rows] == texts[:2]


def test_english_of_the_corpus_is_taken_for_english(
    written_sentences: dict[str, list[Record]],
) -> None:
    foreign = [r.text for r in written_sentences["train"][:1000] if language.is_foreign(r.text)]
    assert foreign == []


def test_a_file_without_a_label_is_refused(tmp_path: Path, released: Predictor) -> None:
    report = check.check([written(tmp_path, [])], released)
    assert report.reasons == ["there is no labelled sentence"]


def test_a_file_of_one_label_is_judged_like_any_other(
    tmp_path: Path, clean: list[Row], released: Predictor
) -> None:
    for stance in STANCES:
        rows = [row | {"stance": str(stance)} for row in clean]
        (doubt,) = check.check([written(tmp_path, rows)], released).doubts
        assert "of the stance labels are wrong" in doubt
    rows = [row for row in clean if row["stance"] == "firm"][:60]
    report = check.check([written(tmp_path, rows)], released)
    assert not any("stance" in doubt for doubt in report.doubts)


def test_a_label_that_is_called_another_throughout_is_found(
    tmp_path: Path, clean: list[Row], released: Predictor
) -> None:
    gone = {number for number, row in enumerate(clean) if row["stance"] == "conciliatory"}
    rows = [
        row | {"stance": "neutral"} if number in gone else row for number, row in enumerate(clean)
    ]
    report = check.check([written(tmp_path, rows)], released)
    (doubt,) = report.doubts
    assert "of the stance labels are wrong" in doubt
    table = section(report, "Likely wrong: stance").rows
    named = {int(row[0].rsplit(" ", 1)[1]) - 1 for row in table}
    assert len(named & gone) > 0.7 * len(gone)


def test_the_command_prints_writes_a_page_and_exits(tmp_path: Path, clean: list[Row]) -> None:
    hostile = {"text": "<script>alert(1)</script> is \x1b[31mours.", "stance": "firm"}
    path = written(tmp_path, [*clean[:5], hostile, {"text": "b", "stance": "hawkish"}])
    command = [
        sys.executable,
        "-m",
        "training",
        "check",
        str(path),
        "--report",
        str(tmp_path / "r"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Refused for training: 1 rows do not fit." in done.stdout
    assert "\x1b[31m" not in done.stdout
    page = (tmp_path / "r" / "check.html").read_text()
    assert "Refused for training" in page
    assert "<script" not in page
    assert "http" not in page
    path = written(tmp_path, clean[:5])
    done = subprocess.run([*command[:-2]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "Nothing here forbids training on it." in done.stdout
