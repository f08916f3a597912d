"""Label Studio's exports, as it writes them: recognised by structure, read exactly."""

import csv
import json
from pathlib import Path
from typing import Any

from tests.training.imports.exported import OURS, RAIN, TALKS, array, read
from training.imports import labelled
from training.imports.judgement import pseudonym


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


def test_label_studio_relations_are_of_another_matter(tmp_path: Path) -> None:
    relation = {"from_id": "a", "to_id": "b", "type": "relation", "direction": "right"}
    path = array(tmp_path, [task(OURS, annotation(1, relation, choice("stance", "firm")))])
    assert read(path) == {OURS: ("firm", None)}


def test_label_studio_json_min_and_csv_give_every_question(tmp_path: Path) -> None:
    own = {"annotator": 1, "annotation_id": 1, "lead_time": 1.0}
    spans = [{"start": 0, "end": 3, "text": "The", "labels": ["place"]}]
    rows = [
        {"id": 1, "text": OURS, "source": "gazette", "stance": "firm", "tone": "Negative", **own},
        {"id": 2, "text": TALKS, "source": "radio", "tone": "positive", "spans": spans, **own},
        {"id": 3, "text": RAIN, "source": "radio", **own},
    ]
    path = array(tmp_path, rows)
    assert read(path) == {OURS: ("firm", "negative"), TALKS: (None, "positive")}
    assert labelled.load([path]).dropped == {"answers without a label": 1}
    table = tmp_path / "export.csv"
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "spans"])
        writer.writeheader()
        writer.writerows(
            {k: json.dumps(v) if k == "spans" else v for k, v in r.items()} for r in rows
        )
    assert read(table) == read(path)
    assert labelled.load([table]).exports[0].tool == "Label Studio"
    assert labelled.load([table]).dropped == {"answers without a label": 1}


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


def test_label_studio_json_min_tells_questions_from_the_task_s_own_fields(tmp_path: Path) -> None:
    own = {"annotator": 3, "annotation_id": 1, "lead_time": 1.0}
    rows = [
        {"text": OURS, "lexicon": "negative", "guess": "neutral", "id": 1, "choice": "firm", **own},
        {"text": TALKS, "lexicon": "positive", "guess": "firm", "id": 2, **own},
    ]
    found = labelled.load([array(tmp_path, rows)])
    assert [(r.text, r.stance, r.sentiment) for r in found.records] == [(OURS, "firm", None)]
    assert found.records[0].slices.items() >= {"lexicon": "negative", "guess": "neutral"}.items()
    assert found.dropped == {"answers without a label": 1}
