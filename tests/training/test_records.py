"""Labelled files: read whole, or refused with the place of what is wrong."""

from pathlib import Path

import datasets
import pytest

from claimstance.errors import ClaimstanceError, DocumentUnreadable, InvalidInput
from claimstance.labels import Sentiment, Stance
from training import records


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_json_lines(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "a.jsonl",
        '{"text": "The reef is ours.", "stance": "firm", "id": 4, "group": "g", "kind": "news"}\n'
        "\n"
        '{"text": "It rained.", "sentiment": "neutral"}\n',
    )
    first, second = records.read(path)
    assert (first.stance, first.sentiment, first.id, first.group) == (Stance.FIRM, None, "4", "g")
    assert first.slices == {"kind": "news"}
    assert (second.stance, second.sentiment) == (None, Sentiment.NEUTRAL)
    assert second.group != first.group


def test_votes_become_shares(tmp_path: Path) -> None:
    content = '{"text": "a", "stance_votes": {"firm": 1, "neutral": 3, "conciliatory": null}}\n'
    record = records.read(written(tmp_path, "a.jsonl", content))[0]
    assert record.shares == {"stance": (0.25, 0.0, 0.75)}


def test_the_label_is_one_that_most_voted_for(tmp_path: Path) -> None:
    rows = [
        '{"text": "a", "stance_votes": {"firm": 1, "neutral": 3}}',
        '{"text": "a", "stance_votes": {"firm": 1, "neutral": 1}}',
        '{"text": "a", "stance": "firm", "stance_votes": {"firm": 1, "neutral": 1}}',
    ]
    found = [records.read(written(tmp_path, "a.jsonl", row))[0].stance for row in rows]
    assert found == [Stance.NEUTRAL, None, Stance.FIRM]
    other = '{"text": "a", "stance": "firm", "stance_votes": {"firm": 1, "neutral": 3}}'
    with pytest.raises(InvalidInput, match="row 1 field stance_votes: most are not for"):
        records.read(written(tmp_path, "a.jsonl", other))


@pytest.mark.parametrize(
    "votes", ['{"hawkish": 1}', '{"firm": -1}', '{"firm": 0}', '"firm"', '{"firm": Infinity}']
)
def test_votes_that_make_no_shares_are_refused(votes: str, tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", f'{{"text": "a", "stance_votes": {votes}}}')
    with pytest.raises(InvalidInput, match="row 1 field stance_votes"):
        records.read(path)


def test_votes_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    row = '{"text": "a", "stance": "firm", "stance_votes": {"firm": 2, "neutral": 1}}'
    plain = '{"text": "a", "stance": "firm"}'
    found = [records.read(written(tmp_path, "a.jsonl", line)) for line in (row, plain)]
    assert records.fingerprint(found[0]) != records.fingerprint(found[1])


def test_csv(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.csv", 'text,stance,group\n"Ours, they said.",firm,x\nIt rained.,neutral,\n'
    )
    first, second = records.read(path)
    assert (first.text, first.stance, first.group) == ("Ours, they said.", Stance.FIRM, "x")
    assert second.group.startswith("sentence ")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.jsonl",
            '{"text": "a", "stance": "firm"}\n{"text": "b", "stance": "hawkish"}',
            "row 2 field stance: 'hawkish' is none of firm",
        ),
        ("a.jsonl", '{"stance": "firm"}', "row 1 field text"),
        ("a.jsonl", '{"text": " ", "stance": "firm"}', "row 1 field text"),
        ("a.jsonl", '{"text": "a"}', "row 1: needs a stance or a sentiment"),
        ("a.jsonl", "[1]", "row 1: must be a JSON object"),
        ("a.jsonl", "{", "row 1: is not JSON"),
        ("a.jsonl", "\n", "holds no labelled sentence"),
        ("a.jsonl", '{"text": "a", "stance": "firm", "split": "eval"}', "row 1 field split"),
        ("a.csv", "text,stance\na,firm,more\n", "row 1: has more fields"),
        ("a.csv", 'text,stance\n"a,firm\n', "row 1: cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(InvalidInput) as caught:
        records.read(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DocumentUnreadable):
        records.read(tmp_path / "none.jsonl")
    (tmp_path / "latin.csv").write_bytes(b"text,stance\ncaf\xe9,firm\n")
    with pytest.raises(ClaimstanceError, match="byte 15"):
        records.read(tmp_path / "latin.csv")


def test_the_fingerprint_is_of_the_content_not_of_the_order(labelled: Path) -> None:
    rows = records.read(labelled)
    assert records.fingerprint(rows) == records.fingerprint(rows[::-1])
    assert records.fingerprint(rows) != records.fingerprint(rows[1:])


def test_a_datasets_folder_and_parquet(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "stance": datasets.ClassLabel(names=["neutral", "firm", "conciliatory"]),
        }
    )
    part = datasets.Dataset.from_list([{"text": "The reef is ours.", "stance": 1}], features)
    datasets.DatasetDict({"train": part, "validation": part}).save_to_disk(tmp_path / "folder")
    rows = records.read(tmp_path / "folder")
    assert [(row.stance, row.split) for row in rows] == [
        (Stance.FIRM, "train"),
        (Stance.FIRM, "dev"),
    ]
    part.save_to_disk(tmp_path / "single")
    assert records.read(tmp_path / "single")[0].stance == Stance.FIRM
    part.to_parquet(tmp_path / "a.parquet")
    assert records.read(tmp_path / "a.parquet")[0].stance == Stance.FIRM


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentUnreadable):
        records.read(tmp_path)
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(DocumentUnreadable):
        records.read(tmp_path / "a.parquet")
