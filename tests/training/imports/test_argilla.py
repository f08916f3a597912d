"""Argilla's exports, as it writes them: recognised by structure, read exactly."""

import csv
import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from claimstance.errors import InvalidInput
from tests.training.imports.exported import OURS, RAIN, TALKS, array, lines, read
from training.imports import labelled
from training.imports.judgement import pseudonym


def argilla(text: str, responses: Any) -> dict[str, Any]:
    return {
        "id": "8b1f4f1c",
        "fields": {"text": text},
        "metadata": {"source": "gazette"},
        "suggestions": {"stance": {"value": "neutral", "score": 0.9, "agent": "model"}},
        "responses": responses,
        "vectors": {},
    }


def test_argilla_of_the_first_client(tmp_path: Path) -> None:
    def response(user: str | None, status: str, **values: str) -> dict[str, Any]:
        return {
            "user_id": user,
            "status": status,
            "values": {name: {"value": value} for name, value in values.items()},
        }

    responses = [
        response("u-1", "submitted", stance="firm", sentiment="negative"),
        response("u-2", "submitted", stance="firm", sentiment="negative"),
        response("u-3", "discarded"),
        response("u-4", "draft", stance="conciliatory"),
    ]
    path = lines(tmp_path, [argilla(OURS, responses), argilla(RAIN, None)])
    found = labelled.load([path])
    assert found.exports[0].tool == "Argilla"
    assert read(path) == {OURS: ("firm", "negative")}
    assert found.dropped == {
        "discarded responses": 1,
        "draft responses": 1,
        "records without a response": 1,
    }
    assert found.records[0].slices == {"source": "gazette"}
    assert len(found.rows[0][1]["annotations"]) == 2


def test_argilla_of_the_second_client(tmp_path: Path) -> None:
    responses = {
        "stance": [{"value": "firm", "user_id": "u-1"}, {"value": "firm", "user_id": "u-2"}],
        "sentiment": [{"value": "neutral", "user_id": "u-2"}],
    }
    path = array(tmp_path, [argilla(OURS, responses), argilla(RAIN, {})])
    assert read(path) == {OURS: ("firm", "neutral")}
    by = labelled.load([path]).rows[0][1]["annotations"]
    assert {"annotator": pseudonym("u-2"), "stance": "firm", "sentiment": "neutral"} in by


def test_argilla_users_that_are_not_known_are_kept_apart(tmp_path: Path) -> None:
    given = [{"value": label, "user_id": "None"} for label in ("firm", "conciliatory")]
    with pytest.raises(InvalidInput, match="no sentence is left"):
        labelled.load([array(tmp_path, [argilla(OURS, {"stance": given})])])


def test_argilla_flattened_as_parquet(tmp_path: Path) -> None:
    row = {
        "id": "1",
        "_server_id": "2",
        "status": "completed",
        "text": OURS,
        "stance.responses": ["firm", "conciliatory"],
        "stance.responses.users": ["u-1", "u-2"],
        "stance.responses.status": ["submitted", "discarded"],
        "stance.suggestion": "neutral",
    }
    datasets.Dataset.from_list([row]).to_parquet(tmp_path / "export")
    assert read(tmp_path / "export") == {OURS: ("firm", None)}


def responses(form: str, *given: tuple[str, Any, str]) -> Any:
    """Return responses as the first client's datasets hold them: `list`, or `lists`."""
    rows = [{"user_id": u, "value": v, "status": s} for u, v, s in given]
    lists = {name: [row[name] for row in rows] for name in ("user_id", "value", "status")}
    return lists if form == "lists" else rows


@pytest.mark.parametrize("form", ["list", "lists"])
def test_argilla_datasets_of_the_first_client(tmp_path: Path, form: str) -> None:
    def row(text: str, *given: tuple[str, Any, str]) -> dict[str, Any]:
        return {
            "headline": text,
            "stance": responses(form, *given),
            "stance-suggestion": "neutral",
            "stance-suggestion-metadata": {"type": "model", "score": 0.5, "agent": "m"},
            "tone": responses(form, *((user, "negative", status) for user, _, status in given)),
            "external_id": f"id {text[:3]}",
            "metadata": '{"source": "gazette"}',
        }

    rows = [
        row(OURS, ("u-1", "firm", "submitted"), ("u-2", "neutral", "discarded")),
        row(TALKS, ("u-3", "conciliatory", "draft")),
        row(RAIN),
    ]
    datasets.Dataset.from_list(rows).to_parquet(tmp_path / "parquet")
    for path in (lines(tmp_path, rows), tmp_path / "parquet"):
        found = labelled.load([path])
        assert found.exports[0].tool == "Argilla"
        assert read(path) == {OURS: ("firm", "negative")}
        assert found.dropped == {
            "discarded responses": 1,
            "draft responses": 1,
            "records without a response": 1,
        }
        assert (found.records[0].id, found.records[0].slices) == ("id The", {"source": "gazette"})
        assert [a["annotator"] for a in found.rows[0][1]["annotations"]] == [pseudonym("u-1")]


def test_argilla_metadata_that_are_no_json_are_named(tmp_path: Path) -> None:
    row = {"text": OURS, "stance": responses("list", ("u", "firm", "submitted")), "metadata": "{"}
    with pytest.raises(InvalidInput, match="row 1 field metadata: is not JSON"):
        labelled.load([array(tmp_path, [row])])


def test_argilla_rankings_and_spans_are_of_another_matter(tmp_path: Path) -> None:
    given = {
        "stance": [{"value": "firm", "user_id": "u-1"}],
        "best": [{"value": [{"rank": 1, "value": "a"}], "user_id": "u-1"}],
        "place": [{"value": [{"start": 0, "end": 3, "label": "x"}], "user_id": "u-1"}],
    }
    assert read(array(tmp_path, [argilla(OURS, given)])) == {OURS: ("firm", None)}
    given["sentiment"] = given.pop("best")
    with pytest.raises(InvalidInput, match=r"row 1 question sentiment: .*whole sentence"):
        labelled.load([array(tmp_path, [argilla(OURS, given)])])


def test_argilla_says_where_drafts_cannot_be_told(tmp_path: Path) -> None:
    told = {"stance": [{"value": "firm", "user_id": "u-1", "status": "submitted"}]}
    untold = {"stance": [{"value": "neutral", "user_id": "u-1"}]}
    found = labelled.load([array(tmp_path, [argilla(OURS, told), argilla(RAIN, untold)])])
    (line,) = [line for line in found.summary() if "submitted" in line]
    assert "of 1 answers it does not tell whether they were submitted" in line


@pytest.mark.parametrize("table", [False, True])
def test_argilla_records_of_text_classification(tmp_path: Path, table: bool) -> None:
    def record(text: str, label: str | None, status: str) -> dict[str, Any]:
        metadata = {"source": "gazette"}
        return {
            "text": None,
            "inputs": json.dumps({"text": text}) if table else {"text": text},
            "prediction": json.dumps([["neutral", 0.9]]) if table else [["neutral", 0.9]],
            "prediction_agent": "model",
            "annotation": label,
            "annotation_agent": "emma",
            "id": "8b1f4f1c",
            "metadata": json.dumps(metadata) if table else metadata,
            "status": status,
        }

    rows = [
        record(OURS, "firm", "Validated"),
        record(RAIN, "neutral", "Discarded"),
        record(TALKS, None, "Default"),
    ]
    path = array(tmp_path, rows)
    if table:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    found = labelled.load([path])
    assert found.exports[0].tool == "Argilla"
    assert [(r.text, r.stance) for r in found.records] == [(OURS, "firm")]
    assert found.records[0].slices == {"source": "gazette"}
    assert found.rows[0][1]["annotations"] == [{"annotator": pseudonym("emma"), "stance": "firm"}]
    assert found.dropped == {"discarded records": 1, "records without a response": 1}
