"""Files of labels that no tool made, or nobody can read."""

import json
import zipfile
from pathlib import Path
from typing import Any

import datasets
import pytest

from claimstance.errors import ClaimstanceError, DocumentUnreadable, InvalidInput, LimitExceeded
from tests.training.imports.exported import OURS, RAIN, array, lines, read
from training.imports import files, labelled, meaning, recognise
from training.imports.judgement import names_a_person, pseudonym


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


def test_tabs_are_read_without_quoting_where_quotation_marks_are_only_that(tmp_path: Path) -> None:
    path = tmp_path / "tweets"
    rows = [
        ("id", "label", "text"),
        ("12", "positive", '"@user: hi" lol'),
        ("13", "negative", '"an opening mark'),
        ("14", "negative", 'whose partner" is a row later'),
        ("15", "neutral", '"quoted and ""doubled"""'),
        ("16", "positive", '"never closed'),
        ("17", "positive", "last"),
    ]
    path.write_text("\n".join(map("\t".join, rows)) + "\n")
    assert read(path) == {
        '"@user: hi" lol': (None, "positive"),
        '"an opening mark': (None, "negative"),
        'whose partner" is a row later': (None, "negative"),
        'quoted and "doubled"': (None, "neutral"),
        '"never closed': (None, "positive"),
        "last": (None, "positive"),
    }


def test_a_quoted_cell_may_go_on_over_lines(tmp_path: Path) -> None:
    for mark in ",\t":
        path = tmp_path / "table"
        path.write_text(mark.join(("text", "stance")) + "\n" + mark.join(('"a\nb"', "firm")) + "\n")
        assert recognise.read(path).judgements[0].text == "a\nb"


def test_a_bad_row_of_a_table_loses_no_other(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text('text,stance\na,firm\n"b" b,firm\nc,firm\nd,firm,more\n"e,firm\nf,neutral\n')
    export = recognise.read(path)
    assert [j.text for j in export.judgements] == ["a", "c", "f"]
    assert [p.where for p in export.problems] == [f"{path} row {n}" for n in (2, 4, 5)]


def test_tables_in_a_zip_name_annotators_by_their_file_where_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "export"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("anna.csv", "text,stance,username\na,firm,\nb,firm,Bert\n")
    who = [j.annotator for j in recognise.read(path).judgements]
    assert who == [pseudonym("anna"), pseudonym("Bert")]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("text,label,Label\na,firm,neutral\n")
    with pytest.raises(InvalidInput, match="more than one column 'label'"):
        labelled.load([path])


def test_rows_without_a_label_are_counted_in_any_file(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("text,stance\na,firm\nb,\n")
    rows = [{"text": "a", "stance": "firm"}, {"text": "b", "stance": None}]
    for path in (tmp_path / "labels.csv", lines(tmp_path, rows)):
        assert read(path) == {"a": ("firm", None)}
        assert labelled.load([path]).dropped == {"answers without a label": 1}


def test_an_annotator_is_known_however_the_column_is_written(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("text,stance,Annotator ID\na,firm,Anna\n")
    assert recognise.read(path).judgements[0].annotator == pseudonym("anna")


@pytest.mark.parametrize(
    "header", ["Text,Stance", "Sentence,STANCE", "sentence,Label", "Tweet,Stance"]
)
def test_columns_are_known_however_they_are_written(tmp_path: Path, header: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(f"{header}\na,firm\n")
    assert read(path) == {"a": ("firm", None)}
    datasets.Dataset.from_list(
        [dict(zip(header.split(","), ("a", "firm"), strict=True))]
    ).to_parquet(tmp_path / "export")
    assert read(tmp_path / "export") == {"a": ("firm", None)}


def test_a_column_label_may_stand_beside_the_stance(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("text,stance,label\na,firm,Negative\nb,neutral,neutral\n")
    assert read(path) == {"a": ("firm", "negative"), "b": ("neutral", "neutral")}
    path.write_text("text,stance,label\na,firm,neutral\nb,firm,conciliatory\n")
    assert read(path) == {"a": ("firm", None), "b": ("firm", None)}
    assert labelled.load([path]).dropped == {"labels of 'label', since stance has its own": 2}


def test_validation_rows_are_dev_rows(tmp_path: Path) -> None:
    path = lines(tmp_path, [{"text": "a", "stance": "firm", "split": "validation"}])
    assert [r.split for r in labelled.load([path]).records] == ["dev"]


def test_nobody_is_named_in_what_is_imported(tmp_path: Path) -> None:
    people = {
        name: f"Anna {name}" for name in ("annotator", "user", "E-Mail", "Annotator ID", "key")
    }
    row = {"text": "a", "stance": "firm", **people, "desk": "anna@example.org", "source": "gazette"}
    found = labelled.load([lines(tmp_path, [row])])
    written = found.rows[0][1]
    assert written == {
        "text": "a",
        "stance": "firm",
        "desk": pseudonym("anna@example.org"),
        "source": "gazette",
        "annotations": [{"annotator": pseudonym("Anna annotator"), "stance": "firm"}],
    }
    assert found.dropped["values of 'key', which may name a person"] == 1
    again = labelled.load([lines(tmp_path, [written], "again")])
    assert again.rows[0][1] == written
    assert again.dropped == {}


def test_parquet_with_damaged_pages_is_named(tmp_path: Path) -> None:
    path = tmp_path / "export"
    rows = [{"text": f"sentence {n} {n * n}", "stance": "firm"} for n in range(2000)]
    datasets.Dataset.from_list(rows).to_parquet(path)
    content = bytearray(path.read_bytes())
    content[4:4000] = bytes(3996)
    path.write_bytes(content)
    with pytest.raises(DocumentUnreadable, match="damaged Parquet") as caught:
        labelled.load([path])
    assert caught.value.where == str(path)


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
        (
            [{"title": "a", "body": "b"}],
            r"is no export of .*columns named text, .*there are: title, body",
        ),
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


def test_a_list_of_labels_beside_a_stance_is_no_export_of_doccano(tmp_path: Path) -> None:
    rows = [
        {"text": OURS, "stance": "firm", "label": ["negative"]},
        {"text": RAIN, "stance": "neutral", "labels": ["sea", "law"]},
    ]
    assert read(lines(tmp_path, rows)) == {OURS: ("firm", "negative"), RAIN: ("neutral", None)}
    mixed = [rows[0], {"text": RAIN, "label": ["neutral"]}]
    with pytest.raises(InvalidInput, match="row 1 field stance: is no column of doccano's"):
        labelled.load([lines(tmp_path, mixed)])


def test_what_is_imported_is_read_again_as_it_is(tmp_path: Path) -> None:
    task = {"text": OURS, "label": "neutral", "labels": ["sea"]}
    result = [{"from_name": "stance", "type": "choices", "value": {"choices": ["firm"]}}]
    annotations = [{"completed_by": 1, "result": result}]
    first, second = tmp_path / "first", tmp_path / "second"
    labelled.write(
        labelled.load([array(tmp_path, [{"data": task, "annotations": annotations}])]), first
    )
    labelled.write(labelled.load([first]), second)
    assert second.read_text() == first.read_text()
    assert read(second) == {OURS: ("firm", None)}
    assert json.loads(second.read_text())["given_label"] == "neutral"


@pytest.mark.parametrize(
    "column",
    [
        "annotator_2",
        "Reviewed by",
        "annotation_approver",
        "coder_name",
        "labeller-email",
    ],
)
def test_whoever_labelled_is_not_named_whatever_the_column_is_called(column: str) -> None:
    assert names_a_person(column)


@pytest.mark.parametrize("column", ["operator", "standby", "rating", "encoder_version"])
def test_other_columns_name_nobody(column: str) -> None:
    assert not names_a_person(column)


def test_two_texts_in_a_row_are_refused_unless_they_are_the_same(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has 'text' and 'sentence'; leave only the one"):
        labelled.load([array(tmp_path, [{"text": RAIN, "sentence": OURS, "stance": "firm"}])])
    rows = [{"text": OURS, "sentence": OURS, "stance": "firm"}]
    assert read(array(tmp_path, rows)) == {OURS: ("firm", None)}


def test_a_link_is_no_sentence(tmp_path: Path) -> None:
    rows = [{"data": {"url": "https://example.org/1", "parts": []}, "annotations": []}]
    with pytest.raises(InvalidInput, match=r"must hold the sentence in a field `text`"):
        labelled.load([array(tmp_path, rows)])


def test_a_label_may_mean_none(tmp_path: Path) -> None:
    rows = [{"text": OURS, "stance": "firm"}, {"text": RAIN, "stance": "Irrelevant"}]
    path = array(tmp_path, rows)
    with pytest.raises(InvalidInput, match="`--map irrelevant=` where it means none"):
        labelled.load([path])
    found = labelled.load([path], meaning.mapping(["irrelevant="]))
    assert [r.text for r in found.records] == [OURS]
    assert found.dropped["labels that mean none"] == 1
    with pytest.raises(InvalidInput, match=r"no sentence is left with a label .*labels that mean"):
        labelled.load([path], meaning.mapping(["irrelevant=", "firm="]))


def test_numbers_with_gaps_are_whole_numbers(tmp_path: Path) -> None:
    numbers = {"0": "firm", "2": "conciliatory"}
    rows = [{"text": "a", "label": 0.0}, {"text": "b", "label": 2.0}, {"text": "c", "label": None}]
    found = labelled.load([array(tmp_path, rows)], numbers)
    assert [r.stance for r in found.records] == ["firm", "conciliatory"]
    (tmp_path / "table").write_text("text,label\na,0.0\nb,2.0\nc,\n")
    found = labelled.load([tmp_path / "table"], numbers)
    assert [r.stance for r in found.records] == ["firm", "conciliatory"]
    (tmp_path / "gaps").write_text('{"text": "a", "label": NaN}\n{"text": "b", "label": 2.0}\n')
    assert len(labelled.load([tmp_path / "gaps"], numbers).records) == 1
    with pytest.raises(InvalidInput, match="must be labels of the whole sentence"):
        labelled.load([array(tmp_path, [{"text": "a", "stance": 0.5}])])


def test_an_earlier_import_may_stand_beside_a_new_export(tmp_path: Path) -> None:
    def task(**said: str) -> dict[str, Any]:
        def result(label: str) -> list[Any]:
            return [{"from_name": "stance", "type": "choices", "value": {"choices": [label]}}]

        annotations = [{"completed_by": w, "result": result(label)} for w, label in said.items()]
        return {"data": {"text": OURS}, "annotations": annotations}

    first = array(tmp_path, [task(anna="firm", bert="neutral", cara="firm")], "first")
    more = {"anna": "firm", "bert": "neutral", "cara": "firm", "dora": "neutral", "emil": "firm"}
    second = array(tmp_path, [task(**more)], "second")
    imported = tmp_path / "imported.jsonl"
    labelled.write(labelled.load([first], by="soft"), imported)
    both = labelled.load([imported, second])
    assert both.dropped == {"answers given before": 3}
    named = both.rows[0][1]["annotations"]
    assert {(one["annotator"], one["stance"]) for one in named} == {
        (pseudonym(who), label) for who, label in more.items()
    }
    again = tmp_path / "again.jsonl"
    labelled.write(labelled.load([imported]), again)
    assert again.read_text() == imported.read_text()
    # A label that somebody put right by hand is no vote among others.
    row = json.loads(imported.read_text()) | {"stance": "conciliatory"}
    assert read(lines(tmp_path, [row])) == {OURS: ("conciliatory", None)}
