"""A scored archive as a table of what may be suggested: on disk, however large it is."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet
from rich.progress import track

from claimstance.scoring.shard import SENTIMENT_SCORES, STANCE_SCORES
from claimstance.text import digest
from training.suggest import choice
from training.suggest.opinion import Opinion

MEMORY = "1GB"
"""What the table may hold in memory; the rest is on disk."""

COLUMNS = (
    *("document", "source", "row", "sentence", "start", "end", "text", "truncated"),
    *("stance", *STANCE_SCORES, "sentiment", *SENTIMENT_SCORES, "model"),
)

Row = dict[str, Any]
"""A sentence: `COLUMNS` as docs/scoring.md tells them; its `digest`; its `worth` (`choice.worth`);
and `disputed`, whether the model and the second opinion give it two stances."""


class Archive:
    """The sentences of a scored archive that may be suggested."""

    def __init__(self, table: duckdb.DuckDBPyConnection) -> None:
        self._table = table

    def count(self, table: str = "open") -> int:
        """Return how many sentences may be suggested, or how many there are in `every`."""
        return int(self._table.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])

    def random(self, number: int, seed: int) -> list[Row]:
        """Return up to `number` sentences, any as likely as any other, in random order."""
        # A hash, because it depends on nothing but the sentences and the seed.
        return self._rows(f"ORDER BY md5(digest || {seed}) LIMIT {number}")

    def worthiest(self, number: int, most: int) -> list[Row]:
        """Return up to `number` sentences, the worthiest first, at most `most` of a document.

        Sentences that the model could not read to their end are passed over.
        """
        return self._rows(
            "WHERE NOT truncated "
            "QUALIFY row_number() OVER (PARTITION BY paper ORDER BY worth DESC, place) "
            f"<= {most} ORDER BY worth DESC, place LIMIT {number}"
        )

    def _rows(self, clauses: str) -> list[Row]:
        found = self._table.execute(f"SELECT * FROM open {clauses}")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, values, strict=True)) for values in found.fetchall()]


@contextmanager
def opened(folder: Path, known: Mapping[str, str], opinion: Opinion) -> Iterator[Archive]:
    """Give the archive that `claimstance score` wrote into `folder`.

    Sentences that stand in `known` may not be suggested, nor any of a document that holds one of
    its dev or test part; of equal sentences only the first may.

    Args:
        folder: the scored archive.
        known: the split of each sentence that is labelled already, by digest.
        opinion: whose disagreement with the model counts.
    """
    with (
        tempfile.TemporaryDirectory(prefix="claimstance-suggest-") as scratch,
        duckdb.connect(Path(scratch) / "sentences.duckdb") as table,
    ):
        table.execute(f"SET temp_directory = '{scratch}/spill'")
        table.execute(f"SET memory_limit = '{MEMORY}'")
        _fill(table, folder, opinion)
        _leave_out(table, known)
        yield Archive(table)


def _fill(table: duckdb.DuckDBPyConnection, folder: Path, opinion: Opinion) -> None:
    """Write all sentences of the archive into a table `every`, shard by shard."""
    place = 0
    shards = sorted((folder / "sentences").glob("*.parquet"))
    for shard in track(shards, "reading the archive", transient=True):
        rows = pyarrow.parquet.read_table(shard, columns=list(COLUMNS))
        texts = rows["text"].to_pylist()
        model = np.stack([rows[name].to_numpy() for name in STANCE_SCORES], 1)
        other = opinion.scores(texts) if texts else model
        found = {
            "place": np.arange(place, place + len(rows)),
            "digest": [digest(text) for text in texts],
            "worth": choice.worth(model, other),
            "disputed": model.argmax(1) != other.argmax(1),
        }
        for name, values in found.items():
            rows = rows.append_column(name, pa.array(values))
        table.register("rows", rows)
        if not place:
            # A document is known by its place as well as its id, which others may have too.
            table.execute(
                "CREATE OR REPLACE TABLE every AS "
                "SELECT *, concat_ws('|', source, row, document) AS paper FROM rows LIMIT 0"
            )
        table.execute("INSERT INTO every SELECT *, concat_ws('|', source, row, document) FROM rows")
        place += len(rows)


def _leave_out(table: duckdb.DuckDBPyConnection, known: Mapping[str, str]) -> None:
    """Make a table `open` of the sentences that may be suggested."""
    table.register("splits", pa.table({"digest": list(known), "split": list(known.values())}))
    table.execute("CREATE TABLE known AS SELECT * FROM splits")
    table.execute(
        "CREATE TABLE open AS SELECT * FROM every "
        "ANTI JOIN known USING (digest) "
        "ANTI JOIN (SELECT paper FROM every JOIN known USING (digest) WHERE split <> 'train') "
        "USING (paper) QUALIFY row_number() OVER (PARTITION BY digest ORDER BY place) = 1"
    )
