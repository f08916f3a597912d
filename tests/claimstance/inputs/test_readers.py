"""From pieces to documents: encodings, HTML, rows, metadata; each problem named and alone."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimstance.errors import DocumentUnreadable
from claimstance.inputs import html
from claimstance.inputs.address import Opener
from claimstance.inputs.containers import Refused
from claimstance.inputs.discover import File
from claimstance.inputs.encodings import decode
from claimstance.inputs.limits import MAX_DOCUMENT
from claimstance.inputs.readers import Entry, read
from claimstance.inputs.table import Columns
from claimstance.scoring import plan
from claimstance.scoring.plan import Unit

SPEECH = "We thank the señor. “The reef,” he said – and left. "


def entries(path: Path, columns: Columns | None = None) -> tuple[list[Entry], list[Refused]]:
    """Return the documents of a file by way of a plan, as a worker gets them."""
    status = path.stat()
    file = File(str(path), status.st_size, status.st_mtime_ns)
    found, refused = [], []
    opener = Opener()
    for part in plan.plan([file], columns or Columns(), {}, lambda _: None):
        if isinstance(part, Unit):
            for piece in part.pieces:
                found += (
                    list(read(Unit.from_json(part.to_json()).pieces[0], opener))
                    if (len(part.pieces) == 1)
                    else list(read(piece, opener))
                )
        elif isinstance(part, Refused):
            refused.append(part)
    return found, refused


def texts(found: list[Entry]) -> list[str | None]:
    return [entry.document.text if entry.document else None for entry in found]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_encodings_are_found(encoding: str) -> None:
    text, named = decode((SPEECH * 3).encode(encoding))
    assert text == SPEECH * 3
    assert named == encoding


def test_a_broken_byte_in_utf_8_is_reported_where_it_is() -> None:
    data = bytearray((SPEECH * 3).encode())
    data[7] = 0xFF
    with pytest.raises(DocumentUnreadable, match=r"utf-8 text \(byte 7\)"):
        decode(bytes(data))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.4 It rained.", "it is a PDF file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "it is a PNG picture"),
        (b"It\0 rained.", "byte 2 is zero"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentUnreadable, match=f"not text.*{reason}"):
        decode(data)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_found(encoding: str, tmp_path: Path) -> None:
    assert decode(SPEECH.encode(encoding)) == (SPEECH, encoding)
    (tmp_path / "x.csv").write_bytes("id,text\n1,Één.\n2,Twee.\n".encode(encoding))
    found, _ = entries(tmp_path / "x.csv")
    assert texts(found) == ["Één.", "Twee."]


def test_html_keeps_what_a_reader_sees() -> None:
    page = (
        "<html><head><title>A &amp; B</title><style>p {}</style></head><body><nav>Home</nav>"
        "<h1>Head</h1><p>One <b>bold</b>,<br>two.<p>Three<script>alert(1)</script>.</p>"
        "<table><tr><td>four</td><td>five</td></tr></table><footer>About us</footer></body></html>"
    )
    text, metadata = html.parse(page)
    assert text == "Head\n\nOne bold,\ntwo.\n\nThree.\n\nfour\n\nfive"
    assert metadata == {"title": "A & B"}


def test_html_without_end_is_no_trap() -> None:
    with pytest.raises(DocumentUnreadable, match="deep"):
        html.parse("<div>" * 100_000)
    with pytest.raises(DocumentUnreadable, match="deep"):
        html.parse("</b>" * 10_000 + "<b>" * 3_000)


def test_a_speech_tells_country_session_and_year_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "AFG_07_1952.txt").write_text(SPEECH, encoding="utf-8")
    (entry,), _ = entries(tmp_path / "AFG_07_1952.txt")
    assert entry.id == "AFG_07_1952"
    assert entry.document
    assert entry.document.metadata == {"country": "AFG", "session": "07", "year": "1952"}


def test_csv_columns_are_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "news.csv"
    path.write_text(
        'URL,Date,Headline,Body,desk\nu1,2019-03-05,"A, B","One.\nTwo.",world\n'
        "u2,5 Mar 2019,C,Three.,\n"
    )
    found, refused = entries(path)
    assert refused == []
    assert texts(found) == ["One.\nTwo.", "Three."]
    assert [(entry.id, entry.row) for entry in found] == [("u1", 1), ("u2", 2)]
    assert found[0].document
    assert found[0].document.metadata == {
        "date": "2019-03-05",
        "title": "A, B",
        "desk": "world",
        "year": "2019",
    }


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(delimiter.join(("id", "text")) + "\n" + delimiter.join(("7", "One.")) + "\n")
    found, _ = entries(path)
    assert (texts(found), found[0].id) == (["One."], "7")


def test_a_bad_csv_row_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = [
        b"id,text",
        b"1,One.",
        b'2,"never closed',
        b"3,Three.",
        b"4,a,b",
        b"5,caf\xff\xe9 \xc3\xa9",
    ]
    path.write_bytes(b"\n".join([*rows, '6,"Sïx."'.encode(), b"7,", b""]))
    found, _ = entries(path)
    assert texts(found) == ["One.", None, "Three.", None, None, "Sïx.", ""]
    problems = [entry.problem or "" for entry in found]
    assert "never closed" in problems[1]
    assert "3 fields" in problems[3]
    assert "is not utf-8 text (byte" in problems[4]
    assert [entry.row for entry in found] == [1, 2, 3, 4, 5, 6, 7]


def test_lines_made_to_be_read_again_and_again_are_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "UNIT_BYTES", 100)
    path = tmp_path / "x.csv"
    # From each of these lines on, a quotation is open to the end.
    path.write_text("id,text\n1,One.\n" + 'x","y\n' * 20_000 + "2,Two.\n")
    found, _ = entries(path)
    assert [text for text in texts(found) if text] == ["One.", "Two."]
    assert [entry.row for entry in found] == list(range(1, 20_003))


def test_a_header_that_does_not_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text," * 300_000)
    found, (refused,) = entries(tmp_path / "x.csv")
    assert found == []
    assert "header of over" in refused.reason


def test_json_lines_without_a_text_at_their_beginning(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    long = json.dumps({"text": "It rained. " * 200_000})
    path.write_text(f'{{"id": 1}}\n{long}\n{{"text": "One."}}\n')
    found, _ = entries(path)
    assert [len(text or "") for text in texts(found)] == [0, 2_200_000, 4]


def test_a_field_that_is_there_twice_is_not_chosen_from(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": "One."}\n{"text": "Two.", "text": "Three."}\n')
    found, _ = entries(tmp_path / "x.jsonl")
    assert texts(found) == ["One.", None]
    assert "'text' twice" in (found[1].problem or "")


def test_a_file_that_changed_since_it_was_planned_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("It rained.")
    file = File(str(path), 10, path.stat().st_mtime_ns)
    (unit,) = (p for p in plan.plan([file], Columns(), {}, lambda _: None) if isinstance(p, Unit))
    for text in ("It rained again.", "It"):
        path.write_text(text)
        (entry,) = read(unit.pieces[0], Opener())
        assert entry.document is None
        assert "damaged" in (entry.problem or "")


def test_json_lines_problems_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    lines = ['{"text": "One.", "id": 7}', "nope", "", "[1]", '{"other": 1}', '{"text": 3}']
    deep = "[" * 100_000
    path.write_text("\n".join([*lines, '{"text": "\\ud800"}', deep, '{"text": "Last."}']))
    found, _ = entries(path)
    assert texts(found) == ["One.", *[None] * 6, "Last."]
    problems = [entry.problem or "" for entry in found[1:-1]]
    for problem, said in zip(
        problems,
        [
            "not JSON",
            "not a JSON object",
            "holds no text",
            "holds no text",
            "surrogate",
            "not JSON",
        ],
        strict=True,
    ):
        assert said in problem
    assert found[0].id == "7"


def test_a_line_too_long_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with path.open("w") as file:
        file.write('{"text": "One."}\n{"text": "')
        for _ in range(2 * MAX_DOCUMENT // 2**20):
            file.write("x" * 2**20)
        file.write('"}\n{"text": "Two."}\n')
    found, _ = entries(path)
    assert texts(found) == ["One.", None, "Two."]
    assert "longer than" in (found[1].problem or "")


def test_utf_16_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("id,text\n1,Één.\n2,Twee.\n", encoding="utf-16")
    found, _ = entries(path)
    assert texts(found) == ["Één.", "Twee."]


def test_parquet_rows_of_any_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "UNIT_BYTES", 500)
    path = tmp_path / "x.parquet"
    wanted = [f"Sentence {n}." for n in range(100)]
    table = pa.table({"id": range(100), "body": wanted, "tags": [["a"]] * 100})
    pa.parquet.write_table(table, path, row_group_size=30)
    found, _ = entries(path)
    assert texts(found) == wanted
    assert [entry.id for entry in found] == [str(n) for n in range(100)]
    assert found[0].document
    assert found[0].document.metadata == {"tags": '["a"]'}


def test_a_bad_parquet_value_costs_its_row_alone(tmp_path: Path) -> None:
    text = pa.array([b"One.", b"\xff", b"Three."]).view(pa.string())
    pa.parquet.write_table(pa.table({"text": text}), tmp_path / "x.parquet")
    found, _ = entries(tmp_path / "x.parquet")
    assert texts(found) == ["One.", None, "Three."]
    assert "utf-8" in (found[1].problem or "")


def test_a_parquet_bomb_is_refused(tmp_path: Path) -> None:
    # One long value, of which each row is a number.
    text = pa.array(["Rain fell. " * 10_000])
    rows = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), text)
    pa.parquet.write_table(pa.table({"text": rows}), tmp_path / "x.parquet")
    found, (refused,) = entries(tmp_path / "x.parquet")
    assert found == []
    assert "bomb" in refused.reason


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("x.csv", b"a,b\n1,2\n", "name it with --text-column: a, b"),
        ("x.csv", b"", "no header"),
        ("x.csv", b"id,text\r1,It rained.\r", "carriage returns alone"),
        ("x.csv", b"text,text\n1,2\n", "more than one column 'text'"),
        ("x.jsonl", b"nope\n", "no JSON object"),
        ("x.parquet", b"nope", "cannot be read"),
        ("x.csv", b"text\n\x00\x00", "not text"),
    ],
)
def test_row_files_that_cannot_be_read(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    found, (refused,) = entries(tmp_path / name)
    assert found == []
    assert reason in refused.reason


def test_a_named_column_wins_over_one_that_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("published,body,date\n2001-02-03,The reef is ours.,1999-01-01\n")
    (entry,), _ = entries(path, Columns(text="body", date="published"))
    assert entry.document is not None
    assert entry.document.metadata["date"] == "2001-02-03"
    assert entry.document.metadata["date (column)"] == "1999-01-01"


def test_a_named_column_that_is_missing_is_an_error_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,body\na,b\n")
    found, _ = entries(tmp_path / "x.csv", Columns(text="body"))
    assert texts(found) == ["b"]
    _, (refused,) = entries(tmp_path / "x.csv", Columns(text="none"))
    assert "no column 'none'; it has" in refused.reason


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=30)


@given(cells=st.lists(CELL.filter(str.strip), min_size=1, max_size=30), size=st.integers(1, 200))
def test_csv_cut_anywhere_gives_every_row_once(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str], size: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    quoted = [cell.replace('"', '""') for cell in cells]
    path.write_text(
        "id,text\n" + "".join(f'{n},"{cell}"\n' for n, cell in enumerate(quoted)),
        encoding="utf-8",
        newline="",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "UNIT_BYTES", size)
        found, _ = entries(path)
    assert texts(found) == cells
    assert [entry.row for entry in found] == list(range(1, len(cells) + 1))


def test_json_with_any_value_is_metadata(tmp_path: Path) -> None:
    row = {"text": "One.", "n": 1.5, "ok": True, "list": [1], "none": None, "Outlet": "Gazette"}
    (tmp_path / "x.jsonl").write_text(json.dumps(row))
    (entry,), _ = entries(tmp_path / "x.jsonl")
    assert entry.document
    assert entry.document.metadata == {
        "n": "1.5",
        "ok": "True",
        "list": "[1]",
        "outlet": "Gazette",
    }
