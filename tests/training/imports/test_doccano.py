"""doccano's exports, as it writes them: recognised by structure, read exactly."""

import json
import zipfile
from pathlib import Path

import pytest

from claimstance.errors import InvalidInput
from tests.training.imports.exported import OURS, RAIN, TALKS, lines, read
from training.imports import labelled
from training.imports.judgement import pseudonym


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
