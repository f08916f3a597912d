"""Row files: which columns mean what."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from claimstance.errors import DocumentUnreadable

_NAMES = {
    "text": ("text", "sentence", "body", "content", "article", "speech", "document", "message"),
    "id": ("id", "doc_id", "document_id", "uuid", "guid", "url", "link", "key"),
    "date": ("date", "published", "published_at", "datetime", "timestamp", "created_at", "time"),
    "title": ("title", "headline"),
    "author": ("author", "byline", "speaker", "creator"),
    "outlet": ("outlet", "source", "publisher", "publication", "newspaper", "site", "agency"),
    "country": ("country", "nation", "state"),
    "session": ("session",),
    "year": ("year",),
}
"""What columns are called, most telling first; capitals do not matter."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the user said of columns; None where they are to be found by name."""

    text: str | None = None
    id: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """How one row file is read: its encoding, delimiter and header, and what its columns mean.

    `meaning` gives the column for `text`, `id`, `date` and the like; the rest is metadata.
    `delimiter` and `header` are of CSV alone.
    """

    encoding: str
    meaning: dict[str, str]
    delimiter: str = ","
    header: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON; `from_json` reads them."""
        return asdict(self)

    @staticmethod
    def from_json(value: dict[str, Any]) -> "Table":
        """Return the table that `to_json` wrote."""
        return Table(**(value | {"header": tuple(value["header"])}))


def meaning(names: Iterable[str], given: Columns) -> dict[str, str]:
    """Return which of a file's columns holds what.

    Raises:
        DocumentUnreadable: no column can be taken for the text, or one that was named is missing.
    """
    present: dict[str, str] = {}
    for name in names:
        present.setdefault(name.strip().lower(), name)
    found = {}
    for what, aliases in _NAMES.items():
        named = getattr(given, what, None)
        if named is not None:
            if named.strip().lower() not in present:
                raise DocumentUnreadable(
                    f"has no column {named!r}; it has {', '.join(present.values())}"
                )
            found[what] = present[named.strip().lower()]
        else:
            column = next((present[alias] for alias in aliases if alias in present), None)
            if column is not None and column not in found.values():
                found[what] = column
    if "text" not in found:
        raise DocumentUnreadable(
            "has no column that is called like a text; name it with --text-column: "
            f"{', '.join(present.values()) or 'it has none'}"
        )
    return found
