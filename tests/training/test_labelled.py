"""Several annotators and files become one label a sentence, and nothing is guessed or lost."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from claimstance import Predictor
from claimstance.errors import InvalidInput
from tests.conftest import ROOT
from training import check, corpus, records
from training.cli.main import app
from training.imports import labelled, meaning
from training.imports.agreement import alpha

Row = tuple[str, str, str]
"""Text, stance, annotator."""


def table(folder: Path, rows: Sequence[Row], name: str = "labels.csv") -> Path:
    path = folder / name
    lines = ["text,stance,annotator", *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def stances(found: labelled.Labelled) -> dict[str, str | None]:
    return {record.text: record.stance for record in found.records}


TWO = [
    ("a", "firm", "anna"),
    ("a", "firm", "bert"),
    ("b", "firm", "anna"),
    ("b", "neutral", "bert"),
]


def test_a_tie_is_left_out_and_counted(tmp_path: Path) -> None:
    found = labelled.load([table(tmp_path, TWO)])
    assert stances(found) == {"a": "firm"}
    assert found.dropped == {"ties of stance": 1, "sentences left without a label": 1}


def test_a_tie_can_be_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"1 ties: .*labels.csv row 3 \(stance\)"):
        labelled.load([table(tmp_path, TWO)], by="error")


def test_an_adjudicator_decides_where_they_labelled(tmp_path: Path) -> None:
    rows = [*TWO, ("a", "neutral", "cara"), ("c", "neutral", "anna")]
    found = labelled.load([table(tmp_path, rows)], by="Cara")
    assert stances(found) == {"a": "neutral", "c": "neutral"}
    with pytest.raises(InvalidInput, match="'dora' labelled nothing here"):
        labelled.load([table(tmp_path, rows)], by="dora")


def test_who_contradicts_themselves_has_no_vote(tmp_path: Path) -> None:
    rows = [("a", "firm", "anna"), ("a", "neutral", "anna"), ("a", "neutral", "bert")]
    found = labelled.load([table(tmp_path, rows)])
    assert stances(found) == {"a": "neutral"}
    assert found.dropped == {"labels of annotators who contradict themselves": 1}


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    rows = [*TWO, ("c", "firm", ""), ("c", "firm", ""), ("d", "firm", ""), ("d", "neutral", "")]
    path = table(tmp_path, rows)
    once, twice = labelled.load([path]), labelled.load([path, path])
    assert [row for _, row in once.rows] == [row for _, row in twice.rows]
    assert stances(once) == {"a": "firm", "c": "firm"}
    target = tmp_path / "out.jsonl"
    labelled.write(once, target)
    again = labelled.load([target])
    labelled.write(again, tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_bytes() == target.read_bytes()


def test_an_adjudicated_file_keeps_its_labels_when_read_again(tmp_path: Path) -> None:
    rows = [("a", "firm", "anna"), ("a", "firm", "bert"), ("a", "neutral", "cara")]
    target = tmp_path / "out.jsonl"
    labelled.write(labelled.load([table(tmp_path, rows)], by="cara"), target)
    assert stances(labelled.load([target])) == {"a": "neutral"}


def test_spelling_that_a_reader_does_not_see_makes_no_other_sentence(tmp_path: Path) -> None:
    path = table(tmp_path, [("It's  ours", "firm", "anna"), ("It’s ours", "neutral", "bert")])
    with pytest.raises(InvalidInput, match="no sentence is left"):
        labelled.load([path])


def test_a_sentence_fixed_in_two_splits_stays_in_both(tmp_path: Path) -> None:
    rows = [{"text": "a", "stance": "firm", "split": split} for split in ("train", "test")]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    assert [r.split for r in labelled.load([path]).records] == ["train", "test"]


def test_unknown_labels_are_one_error_that_counts_them(tmp_path: Path) -> None:
    rows = [("a", "hawkish", ""), ("b", "hawkish", ""), ("c", "dovish", ""), ("d", "firm", "")]
    path = table(tmp_path, rows)
    with pytest.raises(InvalidInput) as caught:
        labelled.load([path])
    assert "'hawkish' (2), 'dovish' (1)" in str(caught.value)
    assert "--map hawkish=firm" in str(caught.value)
    renamed = meaning.mapping(["hawkish=firm", "Dovish = conciliatory"])
    assert stances(labelled.load([path], renamed)) == {
        "a": "firm",
        "b": "firm",
        "c": "conciliatory",
        "d": "firm",
    }


def test_neutral_alone_is_asked_about_and_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    rows = [["firm"], ["negative"], ["neutral"], ["sentiment:neutral"]]
    path.write_text(
        "\n".join(json.dumps({"text": f"t{n}", "label": row}) for n, row in enumerate(rows))
    )
    with pytest.raises(InvalidInput, match="--map neutral=stance:neutral"):
        labelled.load([path])
    found = labelled.load([path], meaning.mapping(["neutral=stance:neutral"]))
    assert [(r.stance, r.sentiment) for r in found.records] == [
        ("firm", None),
        (None, "negative"),
        ("neutral", None),
        (None, "neutral"),
    ]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    path = table(tmp_path, TWO)
    for target in (tmp_path / "none" / "out.jsonl", path / "out.jsonl", tmp_path):
        with pytest.raises(InvalidInput, match="cannot be written"):
            labelled.write(labelled.load([path]), target)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize("pair", ["hawkish", "=firm", "hawkish=strong", "x=stance:negative", ""])
def test_a_mapping_that_says_nothing_is_refused(pair: str) -> None:
    with pytest.raises(InvalidInput, match="--map"):
        meaning.mapping([pair])


def test_alpha_is_that_of_the_published_example() -> None:
    observers = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    units = [[row[n] for row in observers if row[n] != "."] for n in range(12)]
    assert alpha(units) == pytest.approx(0.743, abs=0.0005)


def test_alpha_at_its_ends() -> None:
    assert alpha([["a", "a"], ["b", "b", "b"]]) == 1
    assert alpha([["a", "b"], ["b", "a"]]) == pytest.approx(-0.5)
    assert alpha([["a", "a"], ["a", "a"]]) is None
    assert alpha([["a"], ["b"]]) is None


def test_agreement_is_kappa_for_two_and_alpha_for_more(tmp_path: Path) -> None:
    lines = labelled.load([table(tmp_path, [*TWO, ("c", "neutral", "anna")])]).summary()
    assert any("stance: Cohen's kappa 0.00, all agreed on 50.0% of 2" in line for line in lines)
    rows = [*TWO, ("a", "firm", "cara"), ("c", "neutral", "cara"), ("c", "neutral", "anna")]
    lines = labelled.load([table(tmp_path, rows)]).summary()
    assert any("stance: Krippendorff's alpha" in line for line in lines)


def test_training_takes_an_export_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    rows = [{"id": n, "text": f"Sentence {n} of its own.", "label": ["firm"]} for n in range(40)]
    path.write_text("\n".join(map(json.dumps, [*rows, {"id": 40, "text": "x", "label": []}])))
    loaded = corpus.load([path], with_project=False)
    assert len(loaded.records) == 40
    assert all(record.stance == "firm" for record in loaded.records)
    assert any("doccano" in line for line in loaded.told)
    assert "left out: 1 answers without a label" in loaded.told


def test_disagreement_is_kept_as_votes(tmp_path: Path) -> None:
    rows = [*TWO, ("c", "firm", "anna"), ("c", "neutral", "bert"), ("c", "firm", "cara")]
    found = labelled.load([table(tmp_path, rows)], by="soft")
    assert stances(found) == {"a": "firm", "b": None, "c": "firm"}
    shares = {record.text: record.shares for record in found.records}
    assert shares["a"] == {}
    assert shares["b"] == {"stance": (0.5, 0.0, 0.5)}
    assert shares["c"]["stance"] == pytest.approx((2 / 3, 0, 1 / 3))
    assert "of these with disagreement kept as votes: 2" in found.summary()


@pytest.mark.parametrize("by", ["soft", "majority"])
def test_votes_stay_when_a_file_is_read_again(by: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    labelled.write(labelled.load([table(tmp_path, TWO)], by="soft"), first)
    found = labelled.load([first], by=by)
    assert stances(found) == {"a": "firm", "b": None}
    assert found.dropped == {}
    labelled.write(found, second)
    rows = [[json.loads(line) for line in p.read_text().splitlines()] for p in (first, second)]
    assert [row.get("stance_votes") for row in rows[0]] == [None, {"firm": 1, "neutral": 1}]
    assert [row.get("stance_votes") for row in rows[1]] == [None, {"firm": 1, "neutral": 1}]
    assert [r.shares for r in records.read(second)] == [r.shares for r in found.records]


def test_a_label_put_right_by_hand_stands_and_the_votes_go(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    votes = {"conciliatory": 2, "firm": 1}
    rows = [
        {"text": "a", "stance": "firm", "stance_votes": votes},
        {"text": "b", "stance": "conciliatory", "stance_votes": votes},
        {"text": "c", "stance_votes": votes},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    found = labelled.load([path])
    labels = [(str(record.stance), bool(record.shares)) for record in found.records]
    assert labels == [("firm", False), ("conciliatory", True), ("conciliatory", True)]
    assert "left out: 1 votes that the stance beside them contradicts" in found.summary()


def test_labels_are_mapped_where_they_are_trained_on_and_checked(
    tmp_path: Path, released: Predictor
) -> None:
    path = table(tmp_path, [(f"Sentence {n} of its own.", "hawkish", "") for n in range(40)])
    with pytest.raises(InvalidInput, match="--map hawkish=firm"):
        corpus.load([path], with_project=False)
    assert check.check([path], released).refusals[0] == "40 rows do not fit"
    renamed = {"hawkish": "firm"}
    loaded = corpus.load([path], False, renamed)
    assert all(record.stance == "firm" for record in loaded.records)
    assert check.check([path], released, renamed).balance["stance"]["firm"] == 40


@pytest.mark.parametrize(
    "command",
    [
        "import",
        "check",
        "suggest",
        "fit",
        "retrain",
        "evaluate",
        "compare",
        "reproduce",
        "baselines",
    ],
)
def test_every_command_that_reads_labels_can_map_them(command: str) -> None:
    assert "--map OLD=NEW" in CliRunner().invoke(app, [command, "--help"]).output


def test_the_command_tells_what_it_understood(tmp_path: Path) -> None:
    rows = [*TWO, ("c", "hawkish", "anna")]
    target = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "training", "import", str(table(tmp_path, rows))]
    command += ["--out", str(target)]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "'hawkish' (1)" in refused.stderr
    assert not target.exists()
    command += ["--map", "hawkish=firm"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for told in ("plain records", "5 answers", "sentences: 2", "annotators: 2", "kappa", "1 ties"):
        assert told in done.stdout
    assert "anna" not in done.stdout + target.read_text()
    written = [json.loads(line) for line in target.read_text().splitlines()]
    assert [(row["text"], row["stance"]) for row in written] == [("a", "firm"), ("c", "firm")]
