"""What a job writes: counts that add up, every document a row or a reason."""

import csv
import json
import os
from pathlib import Path

import pytest

from claimstance import Predictor, Stance
from claimstance.scoring import score
from claimstance.scoring.unit import How
from tests.claimstance.scoring.conftest import (
    SENTENCES,
    Silent,
    rejects,
    rows,
)

pytestmark = pytest.mark.usefixtures("in_process")


def test_every_document_is_scored_or_rejected_with_its_reason(
    archive: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    note = score.score([str(archive)], out, Silent())
    assert note["documents"] == {"in": 47, "scored": 42, "rejected": 5}
    reasons = {Path(str(line["source"])).name: str(line["reason"]) for line in rejects(out)}
    assert "ends in none" in reasons["photo.jpg"]
    assert "outside" in reasons["evil.txt"]
    assert "not utf-8 text (byte 3)" in reasons["b.txt"]
    assert "no sentence" in reasons["empty.txt"]
    assert "no sentence" in reasons["rows.csv.gz"]
    assert len(rejects(out)) == len(reasons) == 5
    found = rows(out)
    assert len(found) == note["sentences"]
    assert len({(row["source"], row["row"]) for row in found}) == 42
    assert json.loads((out / "job.json").read_text()) == note


def test_rows_say_where_they_are_and_what_the_predictor_says(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score.score([str(archive / "AFG_03_1953.txt")], out, Silent())
    text = (archive / "AFG_03_1953.txt").read_text()
    found = rows(out)
    assert [row["sentence"] for row in found] == [1, 2, 3, 4]
    predictions = Predictor.load().predict([str(row["text"]) for row in found])
    for row, prediction in zip(found, predictions, strict=True):
        assert text[row["start"] : row["end"]] == row["text"]
        assert (row["document"], row["country"], row["year"]) == ("AFG_03_1953", "AFG", "1953")
        assert row["stance"] == prediction.stance
        assert row["firm"] == pytest.approx(prediction.stance_scores[Stance.FIRM], abs=5e-3)
        assert row["confident"] == prediction.confident
        assert row["tokens"] == prediction.tokens


def test_a_row_is_one_sentence_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    lines = [{"text": "One. Two."}, {"text": "x " * 20_000}]
    path.write_text("\n".join(map(json.dumps, lines)))
    note = score.score([str(path)], tmp_path / "out", Silent(), how=How("sentence"))
    assert note["sentences"] == 1
    assert rows(tmp_path / "out")[0]["text"] == "One. Two."
    assert "no single sentence" in str(rejects(tmp_path / "out")[0]["reason"])


def test_the_table_as_csv_and_json_lines(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    score.score([str(archive)], out, Silent(), formats=["csv", "jsonl"])
    found = rows(out)
    with (out / "sentences.csv").open(newline="") as file:
        as_csv = list(csv.DictReader(file))
    as_json = [json.loads(line) for line in (out / "sentences.jsonl").read_text().splitlines()]
    assert [row["text"] for row in as_csv] == [row["text"] for row in found]
    assert [row["stance"] for row in as_json] == [row["stance"] for row in found]


def test_what_a_document_tells_of_itself_may_not_be_repeated_without_end(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.jsonl"
    lines = [{"text": text, "title": "T" * 20_000} for text in ("Rain. " * 5000, "Rain.")]
    path.write_text("\n".join(map(json.dumps, lines)))
    note = score.score([str(path)], tmp_path / "out", Silent())
    assert note["documents"] == {"in": 2, "scored": 1, "rejected": 1}
    assert "repeated in 5000 rows" in str(rejects(tmp_path / "out")[0]["reason"])


def test_an_input_may_have_any_name(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n.txt"))
    path.write_text(SENTENCES[0])
    note = score.score([str(path)], tmp_path / "out", Silent())
    assert note["documents"]["scored"] == 1
    assert rows(tmp_path / "out")[0]["source"].endswith("caf\\xe9\n.txt")
