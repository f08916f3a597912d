"""Corrections are kept until they are exported: in SQLite, and in a real PostgreSQL."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from claimstance import Sentiment, Stance, feedback
from claimstance.errors import FeedbackUnavailable, InvalidInput
from claimstance.feedback import Correction, Store
from tests.conftest import ROOT
from tests.postgresql import Server, running
from training import records

REEF = Correction(
    "The reef is ours – “for ever” 🏝️.",
    Stance.FIRM,
    Sentiment.NEUTRAL,
    {"stance": "neutral"},
    "claimstance:1.0.0",
)
TALK = Correction("They agreed to talk.", Stance.CONCILIATORY, None)


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def kept_in(request: pytest.FixtureRequest, store: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty store of each kind."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        monkeypatch.setenv(feedback.URL, server.database())
    return Store.open()


def claimstance(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from claimstance.cli.main import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_what_is_exported_is_what_fit_reads(kept_in: Store, tmp_path: Path) -> None:
    first, second = kept_in.keep(REEF), kept_in.keep(TALK)
    assert first.id < second.id
    assert kept_in.count() == 2
    path = tmp_path / "corrections.jsonl"
    result = claimstance("feedback", "export", "--out", str(path))
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == "2 corrected sentences.\n"
    reef, talk = records.read(path)
    assert (reef.text, reef.stance, reef.sentiment) == (REEF.text, "firm", "neutral")
    assert (talk.text, talk.stance, talk.sentiment) == (TALK.text, "conciliatory", None)
    row = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert row["id"] == f"feedback-{first.id}"
    assert (row["model"], row["time"], row["key"]) == ("claimstance:1.0.0", first.time, None)
    assert first.time.endswith("+00:00")


def test_an_empty_store_exports_nothing_and_counts_zero(kept_in: Store) -> None:
    assert claimstance("feedback", "export").stdout == ""
    assert claimstance("feedback", "count").stdout == "0\n"


def test_the_last_correction_of_each_label_holds(kept_in: Store) -> None:
    kept_in.keep(Correction("The reef is ours.", Stance.NEUTRAL, Sentiment.POSITIVE))
    kept_in.keep(TALK)
    last = kept_in.keep(Correction("The  reef is ours.", Stance.FIRM, None))
    found = kept_in.export()
    reef, talk = found.rows
    assert (reef["stance"], reef["sentiment"]) == ("firm", "positive")
    assert (reef["id"], reef["time"]) == (f"feedback-{last.id}", last.time)
    assert talk["text"] == TALK.text
    assert found.replaced == 1
    assert kept_in.count() == 3


def test_many_processes_keep_at_once_from_the_first_moment_on(kept_in: Store) -> None:
    program = (
        "from claimstance import Stance\n"
        "from claimstance.feedback import Correction, Store\n"
        "store = Store.open()\n"
        "for n in range(20): store.keep(Correction(f'Sentence {n}.', Stance.FIRM, None))\n"
    )
    command = [sys.executable, "-c", program]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(6)]
    assert [process.wait(60) for process in processes] == [0] * 6
    assert kept_in.count() == 120


@pytest.mark.parametrize(
    ("correction", "where"),
    [
        (Correction("The reef is ours.", None, None), None),
        (Correction("The reef\0is ours.", Stance.FIRM, None), "text"),
        (Correction("The reef \ud800 is ours.", Stance.FIRM, None), "text"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    kept_in: Store, correction: Correction, where: str | None
) -> None:
    with pytest.raises(InvalidInput) as raised:
        kept_in.keep(correction)
    assert raised.value.where == where
    assert kept_in.count() == 0


def test_the_file_is_in_the_home_and_written_ahead(store: Path) -> None:
    Store.open().keep(REEF)
    path = store / "claimstance" / "feedback.sqlite3"
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    (shown,) = connection.execute("SELECT prediction FROM claimstance_feedback").fetchone()
    assert json.loads(shown) == REEF.prediction
    connection.close()


def test_a_full_disk_keeps_what_was_kept(store: Path) -> None:
    """The limit on a file's size stands in for the disk's; SQLite meets both as a failed write."""
    Store.open().keep(REEF)
    program = (
        "import resource, signal\n"
        "from claimstance import Stance\n"
        "from claimstance.errors import FeedbackUnavailable\n"
        "from claimstance.feedback import Correction, Store\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))\n"
        "store, kept = Store.open(), 0\n"
        "try:\n"
        "    while kept < 100:\n"
        "        store.keep(Correction('word ' * 1000, Stance.FIRM, None))\n"
        "        kept += 1\n"
        "except FeedbackUnavailable:\n"
        "    print(kept)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert Store.open().count() == 1 + int(result.stdout)
    Store.open().keep(TALK)


def test_a_file_that_is_no_database_is_reported(store: Path) -> None:
    path = store / "claimstance" / "feedback.sqlite3"
    path.parent.mkdir(parents=True)
    path.write_text("not a database, but long enough to have been taken for the start of one" * 9)
    with pytest.raises(FeedbackUnavailable):
        Store.open().keep(REEF)
    result = claimstance("feedback", "count")
    assert result.returncode == 1
    assert "file is not a database" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_database_that_went_away_is_reported_and_found_again(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(feedback.URL, postgresql.database())
    kept_in = Store.open()
    kept_in.keep(REEF)
    postgresql.stop()
    try:
        with pytest.raises(FeedbackUnavailable) as raised:
            kept_in.keep(TALK)
    finally:
        postgresql.start()
    assert str(postgresql.port) not in str(raised.value)
    kept_in.keep(TALK)
    assert kept_in.count() == 2


def test_an_export_takes_as_long_as_it_takes_and_keeping_does_not(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    url = postgresql.database()
    monkeypatch.setenv(feedback.URL, url)
    monkeypatch.setattr(feedback, "_PATIENCE", 1)
    Store.open().keep(REEF)
    with psycopg.connect(url) as connection:
        connection.execute("ALTER TABLE claimstance_feedback RENAME TO kept")
        connection.execute(
            "CREATE VIEW claimstance_feedback AS SELECT kept.* FROM kept, pg_sleep(1.5)"
        )
    assert [row["text"] for row in Store.open().export().rows] == [REEF.text]
    assert Store.open().count() == 1
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE kept")
        with pytest.raises(FeedbackUnavailable):
            Store.open().keep(TALK)


def test_a_role_that_may_only_add_and_read_rows_is_enough(
    postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    url = postgresql.database()
    monkeypatch.setenv(feedback.URL, url)
    Store.open().keep(REEF)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE ROLE writer LOGIN")
        connection.execute("GRANT SELECT, INSERT ON claimstance_feedback TO writer")
    monkeypatch.setenv(feedback.URL, url.replace("owner@", "writer@"))
    Store.open().keep(TALK)
    assert Store.open().count() == 2


@pytest.mark.parametrize("url", ["mysql://host/db", "feedback.sqlite3", "postgres://host/db"])
def test_another_kind_of_address_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(feedback.URL, url)
    with pytest.raises(InvalidInput, match=feedback.URL):
        Store.open()


def test_an_export_touches_no_other_file(store: Path, tmp_path: Path) -> None:
    Store.open().keep(REEF)
    path, other = tmp_path / "corrections.jsonl", tmp_path / "corrections.jsonl.tmp"
    path.write_text("before\n")
    other.write_text("mine\n")
    assert claimstance("feedback", "export", "--out", str(path)).returncode == 0
    assert REEF.text in path.read_text()
    assert other.read_text() == "mine\n"
    assert not list(tmp_path.glob(".corrections*"))
