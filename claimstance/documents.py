"""Documents: what a file says, where its body lies in it, and what it tells of itself."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from claimstance.errors import DocumentUnreadable
from claimstance.text import Span, normalize, split

# Repeats are bounded: the text may be anybody's, and matching must stay linear in it.
_EXPORT_HEADER = re.compile(
    r"\s{0,9}ID\s{0,9}:\s{0,9}(?P<id>\S{1,64})\s{0,9}\n"
    r"\s{0,9}(?P<date>[A-Z][a-z]{2}, \d{2}/\d{2}/\d{4} - \d{2}:\d{2})\s{0,9}\n"
    r"[ \t]{0,9}Auth[eo]r[ \t]{0,9}:[ \t]{0,9}(?P<author>[^\n]{0,200})\n"
    r"\s{0,9}(?P<title>\S[^\n]{0,500})\n(?:[ \t]{0,9}\n)?"
)
_EXPORT_FOOTER = re.compile(r"\s{1,9}Read more\s{0,9}(?:\n\s{0,9}X\s{0,9})?\Z")


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its metadata; only `text[body.start:body.end]` is made of sentences."""

    text: str
    body: Span
    metadata: dict[str, str] = field(default_factory=dict)

    def sentences(self) -> list[Span]:
        """Return the places of the body's sentences in `text`, in order."""
        offset = self.body.start
        return [
            Span(offset + span.start, offset + span.end)
            for span in split(self.text[self.body.start : self.body.end])
        ]


def parse(text: str) -> Document:
    """Return the document that `text` holds.

    The header of a news export (ID, date, author, title) becomes metadata and is no part of the
    body, nor is the "Read more" link at its end. The date is given as ISO 8601, without a zone.
    """
    header = _EXPORT_HEADER.match(text)
    if header is None:
        return Document(text, Span(0, len(text)))
    metadata = {name: normalize(value) for name, value in header.groupdict().items()}
    try:
        date = datetime.strptime(metadata["date"], "%a, %m/%d/%Y - %H:%M")
    except ValueError:  # a date that no calendar has stays as it was written
        pass
    else:
        metadata["date"] = date.isoformat(timespec="minutes")
    footer = _EXPORT_FOOTER.search(text, header.end())
    end = footer.start() if footer else len(text)
    return Document(text, Span(header.end(), end), {k: v for k, v in metadata.items() if v})


def read(path: Path) -> Document:
    """Return the document in a UTF-8 text file.

    Raises:
        DocumentUnreadable: the file cannot be opened, or is not UTF-8; the message tells where.
    """
    return parse(read_text(path))


def read_text(path: Path) -> str:
    """Return a UTF-8 file's text without its byte-order mark; raises as `read` does."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentUnreadable(f"cannot be opened ({error.strerror})", str(path)) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DocumentUnreadable(
            f"is not UTF-8 text (byte {error.start}); convert it first, as with "
            "`iconv -f WINDOWS-1252 -t UTF-8`",
            str(path),
        ) from error
