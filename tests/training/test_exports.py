"""Exports of annotation tools, as the tools write them: recognised by structure, read exactly."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest

from claimstance.errors import ClaimstanceError, DocumentUnreadable, InvalidInput, LimitExceeded
from training.imports import files, labelled, recognise
from training.imports.judgement import pseudonym

OURS = "The reef is ours and will stay so."
TALKS = "Both sides agreed to talk about the reef."
RAIN = "It rained on the islands for three days."


def array(folder: Path, rows: Sequence[Any], name: str = "export") -> Path:
    path = folder / name
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def lines(folder: Path, rows: Sequence[Any], name: str = "export") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> dict[str, tuple[str | None, str | None]]:
    """Return stance and sentiment of each sentence."""
    return {r.text: (r.stance, r.sentiment) for r in labelled.load([path]).records}


def choice(name: str, *chosen: str) -> dict[str, Any]:
    return {
        "id": "Dx_aB91ISN",
        "from_name": name,
        "to_name": "text",
        "type": "choices",
        "origin": "manual",
        "value": {"choices": list(chosen)},
    }


def annotation(who: Any, *result: dict[str, Any], cancelled: bool = False) -> dict[str, Any]:
    return {
        "id": 1001,
        "completed_by": who,
        "result": list(result),
        "was_cancelled": cancelled,
        "ground_truth": False,
        "created_at": "2026-03-09T22:16:08.728353Z",
        "lead_time": 4.288,
        "task": 1,
    }


def task(text: str, *annotations: dict[str, Any], **data: str) -> dict[str, Any]:
    return {
        "id": 17,
        "data": {"text": text, **data},
        "annotations": list(annotations),
        "drafts": [annotation(9, choice("stance", "neutral"))],
        "predictions": [{"model_version": "1.0.0", "result": [choice("stance", "neutral")]}],
        "meta": {},
        "project": 83,
    }


def test_label_studio_json(tmp_path: Path) -> None:
    anna = {"id": 3, "email": "anna@example.org", "first_name": "Anna", "last_name": "A"}
    path = array(
        tmp_path,
        [
            task(
                OURS,
                annotation(anna, choice("stance", "Firm"), choice("sentiment", "Neutral")),
                annotation(4, choice("stance", "firm"), choice("sentiment", "negative")),
                annotation("cara@example.org", choice("stance", "firm")),
                annotation(5, cancelled=True),
                source="gazette",
            ),
            task(TALKS, annotation(4, choice("stance", "conciliatory"))),
            task(RAIN),
        ],
    )
    found = labelled.load([path])
    assert found.exports[0].tool == "Label Studio"
    assert read(path) == {OURS: ("firm", None), TALKS: ("conciliatory", None)}
    first = found.records[0]
    assert (first.id, first.slices) == ("17", {"source": "gazette"})
    assert found.dropped == {
        "cancelled annotations": 1,
        "tasks without an annotation": 1,
        "ties of sentiment": 1,
    }
    by = {a["annotator"]: a["stance"] for a in found.rows[0][1]["annotations"]}
    assert by == {
        pseudonym("anna@example.org"): "firm",
        pseudonym(4): "firm",
        pseudonym("cara@example.org"): "firm",
    }


def test_label_studio_choices_of_other_questions_and_of_parts_are_left_out(tmp_path: Path) -> None:
    part = choice("stance", "conciliatory")
    part["value"] |= {"start": 0, "end": 4, "text": "The "}
    note = {"from_name": "note", "type": "textarea", "value": {"text": ["sic"]}}
    result = [choice("topic", "fishing", "law"), note, part, choice("stance", "firm")]
    path = array(tmp_path, [task(OURS, annotation(1, *result))])
    assert read(path) == {OURS: ("firm", None)}
    assert labelled.load([path]).dropped == {"choices about a part of the sentence": 1}


def test_label_studio_json_min(tmp_path: Path) -> None:
    own = {
        "annotator": 1,
        "annotation_id": 1001,
        "created_at": "2026-03-09T22:16:08.728353Z",
        "updated_at": "2026-03-09T22:16:08.728378Z",
        "lead_time": 4.2,
    }
    rows = [
        {"id": 1, "text": OURS, "source": "gazette", "stance": "firm", **own},
        {"id": 2, "text": TALKS, "stance": {"choices": ["conciliatory", "neutral"]}, **own},
        {"id": 3, "text": RAIN, "stance": "neutral", "sentiment": "negative", **own},
    ]
    found = labelled.load([array(tmp_path, rows)])
    assert found.exports[0].tool == "Label Studio"
    assert [(r.text, r.stance, r.sentiment) for r in found.records] == [
        (OURS, "firm", None),
        (RAIN, "neutral", "negative"),
    ]
    assert found.records[0].slices == {"source": "gazette"}
    assert found.dropped == {"answers with more than one stance": 1}


def test_label_studio_json_min_with_another_name_for_the_choices(tmp_path: Path) -> None:
    own = {"annotator": "a@b.c", "annotation_id": 1, "lead_time": 1.0}
    rows = [
        {"id": n, "text": text, "choice": label, "source": "gazette", **own}
        for n, (text, label) in enumerate([(OURS, "firm"), (RAIN, "neutral")])
    ]
    assert read(array(tmp_path, rows)) == {OURS: ("firm", None), RAIN: ("neutral", None)}


def test_doccano_json_lines(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "text": OURS, "kind": "news", "label": ["firm", "neutral"], "Comments": ["hm"]},
        {"id": 2, "text": TALKS, "label": ["conciliatory", "positive"], "Comments": []},
        {"id": 3, "text": RAIN, "label": [], "Comments": []},
    ]
    path = lines(tmp_path, rows)
    found = labelled.load([path])
    assert found.exports[0].tool == "doccano"
    # Labels of both heads stand in one list: what is left of neutral is the other head.
    assert read(path) == {OURS: ("firm", "neutral"), TALKS: ("conciliatory", "positive")}
    assert found.dropped == {"answers without a label": 1}
    assert found.records[0].slices == {"kind": "news"}


def test_doccano_zip_has_a_file_per_user(tmp_path: Path) -> None:
    path = tmp_path / "export"
    with zipfile.ZipFile(path, "w") as archive:
        for user, label in (("anna", "firm"), ("bert", "firm"), ("cara", "conciliatory")):
            archive.writestr(f"{user}.jsonl", json.dumps({"id": 1, "text": OURS, "label": [label]}))
        archive.writestr("unused.jsonl", "")
        archive.writestr("__MACOSX/._anna.jsonl", b"\x00\x05")
    found = labelled.load([path])
    assert read(path) == {OURS: ("firm", None)}
    assert {a["annotator"] for a in found.rows[0][1]["annotations"]} == {
        pseudonym(user) for user in ("anna", "bert", "cara")
    }
    assert labelled.load([path], by="Cara").records[0].stance == "conciliatory"


def test_doccano_spans_are_refused_with_their_place(tmp_path: Path) -> None:
    path = lines(tmp_path, [{"id": 1, "text": OURS, "label": [[0, 8, "firm"]]}])
    with pytest.raises(InvalidInput, match=r"row 1 field label: .*whole sentence"):
        labelled.load([path])


def test_prodigy(tmp_path: Path) -> None:
    options = [{"id": "firm", "text": "Firm!"}, {"id": "neutral", "text": "Neutral"}]
    numbered = [{"id": 1, "text": "firm"}, {"id": 2, "text": "conciliatory"}]
    own = {"_input_hash": 1, "_task_hash": -2, "_session_id": "news-anna", "_view_id": "choice"}
    rows = [
        {"text": OURS, "options": options, "accept": ["firm"], "answer": "accept", **own},
        {"text": TALKS, "options": numbered, "accept": [2], "answer": "accept", **own},
        {"text": RAIN, "options": options, "accept": [], "answer": "accept", **own},
        {"text": "a", "options": options, "accept": ["firm"], "answer": "reject", **own},
        {"text": "b", "options": options, "accept": ["firm"], "answer": "ignore", **own},
        {"text": "c", "label": "firm", "answer": "accept", "meta": {"source": "gazette"}, **own},
        {"text": "d", "label": "firm", "answer": "reject", **own},
    ]
    found = labelled.load([lines(tmp_path, rows)])
    assert found.exports[0].tool == "Prodigy"
    assert [(r.text, r.stance) for r in found.records] == [
        (OURS, "firm"),
        (TALKS, "conciliatory"),
        ("c", "firm"),
    ]
    assert found.records[2].slices == {"source": "gazette"}
    assert found.dropped == {
        "answers without a label": 1,
        "rejected answers": 2,
        "ignored answers": 1,
    }


def test_prodigy_sessions_without_a_name_are_nobody(tmp_path: Path) -> None:
    rows = [
        {"text": OURS, "label": "firm", "answer": "accept", "_session_id": f"news-{when}"}
        for when in ("2026-01-01_10-00-00", "2026-01-02_10-00-00")
    ]
    found = labelled.load([lines(tmp_path, rows)])
    assert "annotations" not in found.rows[0][1]
    assert found.dropped == {"answers given before": 1}


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


def test_the_service_s_own_feedback(tmp_path: Path) -> None:
    row = {
        "text": OURS,
        "stance": "firm",
        "sentiment": None,
        "id": 5,
        "model": "claimstance:1.0.0",
        "time": "2026-11-29T16:00:00+00:00",
        "prediction": {"stance": "neutral"},
    }
    path = lines(tmp_path, [row])
    assert read(path) == {OURS: ("firm", None)}
    assert labelled.load([path]).records[0].slices["model"] == "claimstance:1.0.0"


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_tables_are_known_by_their_header(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "table"
    path.write_text(mark.join(("stance", "text")) + "\r\n" + mark.join(("firm", '"a;,\tb"')))
    assert read(path) == {"a;,\tb": ("firm", None)}


def test_a_table_may_name_annotators(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        f"text,stance,annotator\n{OURS},firm,Anna\n{OURS},neutral,Bert\n{OURS},firm,C\n"
    )
    found = labelled.load([path])
    assert read(path) == {OURS: ("firm", None)}
    assert "Anna" not in json.dumps([row for _, row in found.rows])


def test_a_class_that_a_dataset_leaves_open_is_no_label(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "stance": datasets.ClassLabel(names=["firm", "neutral"])}
    )
    rows = [{"text": OURS, "stance": 0}, {"text": RAIN, "stance": -1}]
    datasets.Dataset.from_list(rows, features).to_parquet(tmp_path / "export")
    assert read(tmp_path / "export") == {OURS: ("firm", None)}


@pytest.mark.parametrize(
    "content",
    [
        "\n\ntext,stance\na,firm\n",
        "text,stance\ra,firm\r",
        '"text";"stance"\na;firm',
        ",text,stance\n0,a,firm\n",
        '\ufeff{"text": "a", "stance": "firm"}\r\n',
        ' [ {"text": "a", "stance": "firm"} ]',
    ],
)
def test_files_as_programs_write_them(tmp_path: Path, content: str) -> None:
    (tmp_path / "labels").write_bytes(content.encode())
    assert read(tmp_path / "labels") == {"a": ("firm", None)}


def test_a_column_label_is_read_by_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("text,label\na,Positive\nb,neutral\nc,negative\n")
    assert read(path) == {
        "a": (None, "positive"),
        "b": (None, "neutral"),
        "c": (None, "negative"),
    }


def test_numbered_labels_can_be_named(tmp_path: Path) -> None:
    path = array(tmp_path, [{"text": "a", "label": 0}, {"text": "b", "label": 2}])
    with pytest.raises(InvalidInput, match=r"'0' \(1\), '2' \(1\)"):
        labelled.load([path])
    found = labelled.load([path], {"0": "negative", "2": "positive"})
    assert [r.sentiment for r in found.records] == ["negative", "positive"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"title": "a", "body": "b"}], r"is no export of .*there are: title, body"),
        ([{"text": "a"}], "needs a stance or a sentiment"),
        ([{"text": " ", "stance": "firm"}], "row 1 field text: must hold a sentence"),
        ([{"text": "\ud83d", "stance": "firm"}], "row 1 field text: "),
        ([{"text": "a", "stance": ["firm", ["x"]]}], "row 1 field stance"),
        ([{"text": "a", "stance": "firm", "split": "eval"}], "row 1 field split"),
        ([{"text": "a", "stance": "firm"}, 7], "row 2: must be a JSON object"),
        ([{"data": {"text": "a"}, "annotations": [{"id": 1}]}], r"annotations\[0\]: needs a list"),
        ([{"data": {"a": "b", "c": "d"}, "annotations": []}], "there are: a, c"),
        ([{"text": "a", "accept": [3], "options": [], "answer": "accept"}], "field accept: 3 is"),
        ([{"fields": {"text": "a"}, "responses": 3}], "field responses: must be a list"),
        ([{"fields": {"text": "a"}, "responses": [3]}], r"responses\[0\]: must be an object"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, content: list[Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        labelled.load([array(tmp_path, content)])


def test_a_bad_row_loses_no_other(tmp_path: Path) -> None:
    path = tmp_path / "export"
    rows = ['{"text": "a", "stance": "firm"}', "{", '{"text": "b"}', "[]", "", "3"]
    path.write_text("\n".join([*rows, '{"text": "c", "stance": "firm"}']))
    export = recognise.read(path)
    assert [j.text for j in export.judgements] == ["a", "c"]
    assert [str(p.where) for p in export.problems] == [f"{path} row {n}" for n in (2, 3, 4, 6)]
    with pytest.raises(InvalidInput, match="3 more rows"):
        labelled.load([path])


def test_damaged_and_hostile_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (b"PK\x03\x04 no zip", b"PAR1 no parquet", b"\xff\xfe\x00"):
        (tmp_path / "export").write_bytes(content)
        with pytest.raises(DocumentUnreadable):
            labelled.load([tmp_path / "export"])
    (tmp_path / "export").write_text("[" * 100_000)
    with pytest.raises(ClaimstanceError, match="is not JSON"):
        labelled.load([tmp_path / "export"])
    with zipfile.ZipFile(tmp_path / "export", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(DocumentUnreadable, match="save it as CSV"):
        labelled.load([tmp_path / "export"])
    monkeypatch.setattr(files, "LARGEST_ZIP", 1000)
    with zipfile.ZipFile(tmp_path / "export", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", "{}" * 1000)
    with pytest.raises(LimitExceeded):
        labelled.load([tmp_path / "export"])
