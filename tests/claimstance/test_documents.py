"""Reading documents and the header of a news export."""

from pathlib import Path

import pytest

from claimstance import documents
from claimstance.errors import DocumentUnreadable

EXPORT = """ID :
40177
Tue, 03/05/2019 - 14:20
Auther :

Envoy reports on talks about the strait

OSLO, March 4. /NNA/. The envoy reported to the council on Monday. "We made headway," she said.

Read more

X"""


def test_the_header_of_an_export_is_metadata() -> None:
    document = documents.parse(EXPORT)
    assert document.metadata == {
        "id": "40177",
        "date": "2019-03-05T14:20",
        "title": "Envoy reports on talks about the strait",
    }
    sentences = [EXPORT[s.start : s.end] for s in document.sentences()]
    assert sentences == [
        "OSLO, March 4. /NNA/. The envoy reported to the council on Monday.",
        '"We made headway," she said.',
    ]


def test_an_author_is_kept() -> None:
    document = documents.parse(EXPORT.replace("Auther :", "Author: A. Writer"))
    assert document.metadata["author"] == "A. Writer"


def test_a_date_that_no_calendar_has_stays_as_written() -> None:
    document = documents.parse(EXPORT.replace("03/05/2019", "13/35/2019"))
    assert document.metadata["date"] == "Tue, 13/35/2019 - 14:20"


def test_without_a_header_all_of_the_text_is_body() -> None:
    text = "One sentence. Read more"
    document = documents.parse(text)
    assert document.metadata == {}
    assert (document.body.start, document.body.end) == (0, len(text))


def test_a_file_that_is_not_utf_8_tells_where(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"caf\xe9 is latin")
    with pytest.raises(DocumentUnreadable, match="byte 3"):
        documents.read(path)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DocumentUnreadable, match="No such file"):
        documents.read(tmp_path / "none.txt")


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "bom.txt"
    path.write_bytes(b"\xef\xbb\xbfOne.")
    assert documents.read(path).text == "One."
