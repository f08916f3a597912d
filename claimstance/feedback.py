"""Corrections that readers make to predictions: kept durably, given back as labelled sentences.

The store is SQLite beside the registry's journal, or PostgreSQL where the environment says so.
Rows are only ever added. Only this module knows either database.
"""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self

from claimstance import registry
from claimstance.bundle import NAME
from claimstance.errors import FeedbackUnavailable, InvalidInput, NotInstalled
from claimstance.labels import Sentiment, Stance
from claimstance.text import digest, has_half_character

URL = "CLAIMSTANCE_FEEDBACK_URL"
"""The variable that names a PostgreSQL database (`postgresql://...`) to keep corrections in."""

_TABLE = """CREATE TABLE IF NOT EXISTS claimstance_feedback (
    id {identity} PRIMARY KEY, time TEXT NOT NULL, text TEXT NOT NULL, stance TEXT, sentiment TEXT,
    prediction TEXT, model TEXT, key TEXT)"""
_ADD = (
    "INSERT INTO claimstance_feedback (time, text, stance, sentiment, prediction, model, key) "
    "VALUES ({0}, {0}, {0}, {0}, {0}, {0}, {0}) RETURNING id"
)
_COUNT = "SELECT count(*) FROM claimstance_feedback"
_ALL = "SELECT id, time, text, stance, sentiment, model, key FROM claimstance_feedback ORDER BY id"

_PATIENCE = 5
"""Seconds to wait for a database that is busy, locked or out of reach."""

_Connect = Callable[[], AbstractContextManager[Any]]
"""Gives what statements are executed on, while the context lasts."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a reader says of a sentence.

    `stance` and `sentiment` are the labels that are right; None leaves a head unjudged.
    `prediction` is what was shown, `model` the tag of the version that predicted it, `key` the
    name of the API key that the correction came with.
    """

    text: str
    stance: Stance | None
    sentiment: Sentiment | None
    prediction: dict[str, Any] | None = None
    model: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A correction's number in the store, and when it was kept (ISO 8601, UTC)."""

    id: int
    time: str


@dataclass(frozen=True, slots=True)
class Export:
    """Labelled sentences, ready for JSON, and how many corrections a later one replaced."""

    rows: list[dict[str, Any]]
    replaced: int


class Store:
    """Where corrections are kept; `Store.open()` gives the one that this installation uses.

    Every call connects anew, so a store may be used from any thread or process, and a database
    that comes back is found again.
    """

    def __init__(self, writing: _Connect, reading: _Connect, mark: str) -> None:
        self._writing, self._reading = writing, reading
        self._add = _ADD.format(mark)

    @classmethod
    def open(cls) -> Self:
        """Return the store that `CLAIMSTANCE_FEEDBACK_URL` names, or the SQLite file at home.

        Nothing is connected to yet.

        Raises:
            InvalidInput: the variable holds no `postgresql://` address.
            NotInstalled: it does, and psycopg is missing.
        """
        url = os.environ.get(URL)
        if not url:
            path = registry.home() / NAME / "feedback.sqlite3"
            return cls(partial(_sqlite, path), partial(_sqlite, path), "?")
        if not url.startswith("postgresql://"):
            raise InvalidInput("must begin with postgresql://", URL)
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise NotInstalled("needs `pip install 'claimstance[postgresql]'`", URL) from error
        return cls(partial(_postgresql, url, _PATIENCE), partial(_postgresql_rows, url), "%s")

    def keep(self, correction: Correction) -> Kept:
        """Keep a correction: once this returns, it is on the disk.

        Raises:
            InvalidInput: it corrects nothing, or its text cannot be stored.
            FeedbackUnavailable: the database cannot be reached or written.
        """
        if correction.stance is None and correction.sentiment is None:
            raise InvalidInput("needs a stance or a sentiment")
        if "\0" in correction.text or has_half_character(correction.text):
            raise InvalidInput("holds a NUL or half a character, which cannot be stored", "text")
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        shown = correction.prediction
        row = (
            time,
            correction.text,
            correction.stance and correction.stance.value,
            correction.sentiment and correction.sentiment.value,
            None if shown is None else json.dumps(shown),
            correction.model,
            correction.key,
        )
        with self._writing() as connection:
            (number,) = connection.execute(self._add, row).fetchone()
        return Kept(number, time)

    def count(self) -> int:
        """Return how many corrections are kept; raises FeedbackUnavailable as `keep` does."""
        with self._reading() as connection:
            return int(connection.execute(_COUNT).fetchone()[0])

    def export(self) -> Export:
        """Return one labelled sentence per sentence corrected, in the order first corrected.

        Where a sentence was corrected more than once, the last correction of each head holds,
        and `id`, `time`, `model` and `key` are those of the last. Sentences are the same when
        they are the same to the model (`text.normalize`).

        Raises:
            FeedbackUnavailable: the database cannot be reached or read.
        """
        rows: dict[str, dict[str, Any]] = {}
        replaced = 0
        with self._reading() as connection:
            for number, time, text, stance, sentiment, model, key in connection.execute(_ALL):
                row = rows.setdefault(digest(text), {})
                labels = {"stance": stance, "sentiment": sentiment}
                given = {name: label for name, label in labels.items() if label is not None}
                replaced += bool(given.keys() & row.keys())
                row |= {"id": f"feedback-{number}", "text": text, **given}
                row |= {"model": model, "time": time, "key": key}
        return Export(list(rows.values()), replaced)


@contextmanager
def _sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection to the file, made if it is missing; commit at the end.

    Raises:
        FeedbackUnavailable: the file cannot be opened, read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=_PATIENCE)) as connection, connection:
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(_TABLE.format(identity="INTEGER"))
            yield connection
    except (OSError, sqlite3.Error) as error:
        raise _unavailable(error) from error


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Put a database into WAL mode, which on a new file does not wait for others by itself."""
    end = monotonic() + _PATIENCE
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if monotonic() > end:
                raise
            sleep(0.02)


@contextmanager
def _postgresql(url: str, patience: int) -> Iterator[Any]:
    """Give a connection to the database, its table made if it is missing; commit at the end.

    A statement may take `patience` seconds; with 0, as long as it takes.

    Raises:
        FeedbackUnavailable: the database cannot be reached, read or written.
    """
    import psycopg

    try:
        with psycopg.connect(
            url,
            client_encoding="utf8",
            connect_timeout=_PATIENCE,
            tcp_user_timeout=_PATIENCE * 1000,
        ) as connection:
            connection.execute(f"SET LOCAL statement_timeout = '{patience}s'")
            connection.execute("SET LOCAL synchronous_commit = on")
            # Asked first, because a role may be allowed to add rows and not tables.
            found = connection.execute("SELECT to_regclass('claimstance_feedback')").fetchone()
            if found == (None,):
                connection.execute("SELECT pg_advisory_xact_lock(hashtext('claimstance_feedback'))")
                identity = "BIGINT GENERATED ALWAYS AS IDENTITY"
                connection.execute(_TABLE.format(identity=identity))
            yield connection
    except psycopg.Error as error:
        raise _unavailable(error) from error


@contextmanager
def _postgresql_rows(url: str) -> Iterator[Any]:
    """Give what reads the database, some rows at a time; raises as `_postgresql` does."""
    with _postgresql(url, 0) as connection, connection.cursor("claimstance") as cursor:
        yield cursor


def _unavailable(error: Exception) -> FeedbackUnavailable:
    """Return what to raise for a database's error.

    The reason goes to the log alone: it may name hosts and users that callers need not know.
    """
    _log.error("the feedback store fails: %s", error)
    return FeedbackUnavailable("the store of corrections cannot be used now; try again later")
