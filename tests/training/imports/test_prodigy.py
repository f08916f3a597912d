"""Prodigy's exports, as it writes them: recognised by structure, read exactly."""

from pathlib import Path

from tests.training.imports.exported import OURS, RAIN, TALKS, lines
from training.imports import labelled


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
