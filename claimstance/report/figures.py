"""What the report shows, asked of a scored archive's table."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import numpy as np

from claimstance.errors import InvalidInput
from claimstance.labels import SENTIMENTS, STANCES
from claimstance.report.disputes import NAMES
from claimstance.report.prevalence import Correction, Shares

MOST_GROUPS = 24
"""Countries, outlets or disputes shown, those with most sentences."""

LEAST = 30
"""Sentences of a group or document that a share is worth showing of."""

MOST_DOCUMENTS = 1500
"""Documents drawn as dots."""

EXAMPLES = 12
"""Sentences and documents listed of each kind."""

LEVELS = 20
"""Bars of the histogram of scores."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of sentences (a year, a country): its name, sentences, and shares of the stances."""

    name: str
    sentences: int
    shares: Shares


@dataclass(frozen=True, slots=True)
class Paper:
    """A document: where it is, its sentences, and its raw shares of firm and conciliatory."""

    id: str
    title: str
    source: str
    sentences: int
    firm: float
    conciliatory: float


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence with its score and its place; `before` and `after` are its neighbours."""

    text: str
    score: float
    id: str
    title: str
    source: str
    row: int | None
    sentence: int
    start: int
    end: int
    before: str
    after: str
    link: str | None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A sentence that stands in several documents."""

    text: str
    documents: int
    stance: str


@dataclass(frozen=True, slots=True)
class Figures:
    """All that the page shows; shares are of sentences, in the order of the labels.

    `groups` are by what they are of (country, source). `screened` is the share that the first
    stage answered; `sentiment` and `crossed` are empty where only stances were asked for.
    """

    documents: int
    sentences: int
    rejected: int
    model: str
    screened: float
    first_stage: str
    stance: Shares
    sentiment: tuple[float, ...]
    crossed: list[list[int]]
    years: list[Group]
    groups: dict[str, list[Group]]
    disputes: list[Group]
    papers: list[Paper]
    firmest_papers: list[Paper]
    conciliatory_papers: list[Paper]
    firmest: list[Quote]
    conciliatory: list[Quote]
    unsure: float
    levels: list[int]
    repeated: float
    repeats: list[Repeat]


def finished_job(folder: Path) -> dict[str, Any]:
    """Return what `job.json` says of the scored archive in `folder`.

    Raises:
        InvalidInput: the folder holds no job, or one that is not done.
    """
    try:
        job: dict[str, Any] = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput("holds no scored archive", str(folder)) from error
    if job["state"] != "done":
        raise InvalidInput("is not scored to its end; the same `score` goes on", str(folder))
    return job


def figures(folder: Path, correction: Correction) -> Figures:
    """Return the figures of the scored archive in `folder`.

    Raises:
        InvalidInput: the folder holds no finished job, or no sentence.
    """
    job = finished_job(folder)
    stance_only = job["asked"].get("stance_only", False)
    with duckdb.connect() as table:
        table.execute(f"SET temp_directory = '{_quoted(folder / '.job' / 'spill')}'")
        table.execute(
            "CREATE VIEW s AS SELECT *, "
            "md5(lower(regexp_replace(text, '\\s+', ' ', 'g'))) AS digest "
            f"FROM read_parquet('{_quoted(folder / 'sentences')}/*.parquet')"
        )
        ask = _Table(table, correction)
        total = ask.one("SELECT count(*) FROM s")
        if not total:
            raise InvalidInput("holds no sentence to report on", str(folder))
        return Figures(
            documents=job["documents"]["scored"],
            sentences=total,
            rejected=job["documents"]["rejected"],
            model=job["asked"]["model"],
            screened=job.get("stages", {}).get("screen", 0) / total,
            first_stage=job.get("first_stage", ""),
            stance=ask.shares(ask.rows(f"SELECT {ask.cells()} FROM s")[0]),
            sentiment=() if stance_only else ask.sentiment(),
            crossed=[] if stance_only else ask.crossed(),
            years=ask.grouped("TRY_CAST(year AS INTEGER)", "name", 10_000),
            groups=ask.groups(),
            disputes=ask.disputes(),
            papers=ask.papers(f"hash(document, source) LIMIT {MOST_DOCUMENTS}"),
            firmest_papers=ask.papers(f"{_lower('firm')} DESC LIMIT {EXAMPLES}"),
            conciliatory_papers=ask.papers(f"{_lower('conciliatory')} DESC LIMIT {EXAMPLES}"),
            firmest=ask.quotes("firm"),
            conciliatory=ask.quotes("conciliatory"),
            unsure=ask.one("SELECT avg(CASE WHEN confident THEN 0 ELSE 1 END) FROM s"),
            levels=ask.levels(),
            repeated=ask.one(f"SELECT coalesce(sum(n), 0) / {total} FROM ({_REPEATED})"),
            repeats=ask.repeats(),
        )


_BEST = f"greatest({', '.join(STANCES)})"

_PAPERS = (
    "SELECT document, any_value(title) AS title, source, row, count(*) AS n, "
    "count(*) FILTER (stance = 'firm') AS firm_k, "
    "count(*) FILTER (stance = 'conciliatory') AS conciliatory_k "
    f"FROM s GROUP BY document, source, row HAVING n >= {LEAST}"
)

_REPEATED = (
    "SELECT any_value(text) AS text, count(*) AS n, count(DISTINCT (document, source, row)) AS d, "
    "any_value(stance) AS stance FROM s GROUP BY digest HAVING d > 1"
)


def _lower(label: str) -> str:
    """Return SQL for the lower end of a share's 95 % interval (Wilson 1927).

    Documents are ranked by it, so that a short one does not come first for one sentence.
    """
    k = f"{label}_k"
    return f"((({k} + 1.92) - 1.96 * sqrt({k} * (n - {k}) / n + 0.96)) / (n + 3.84))"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


class _Table:
    """The questions, each a query."""

    def __init__(self, table: duckdb.DuckDBPyConnection, correction: Correction) -> None:
        self._table = table
        self._correction = correction

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._table.execute(query, values or None).fetchall()

    def one(self, query: str) -> Any:
        return self.rows(query)[0][0]

    def cells(self) -> str:
        """Return SQL that counts sentences by stance and level of its score."""
        edges = [*self._correction.levels, 2.0]
        return ", ".join(
            f"count(*) FILTER (stance = '{label}' AND {_BEST} >= {low} AND {_BEST} < {high})"
            for label in STANCES
            for low, high in pairwise(edges)
        )

    def shares(self, cells: Sequence[int]) -> Shares:
        """Return the shares of sentences that `cells` counted."""
        return self._correction.shares(np.reshape(cells, (len(STANCES), -1)))

    def sentiment(self) -> tuple[float, ...]:
        return tuple(np.sum(self.crossed(), 0) / self.one("SELECT count(*) FROM s"))

    def crossed(self) -> list[list[int]]:
        """Return counts by stance (rows) and sentiment."""
        query = "SELECT stance, sentiment, count(*) FROM s GROUP BY ALL"
        found = {row[:2]: row[2] for row in self.rows(query)}
        return [[found.get((str(a), str(b)), 0) for b in SENTIMENTS] for a in STANCES]

    def grouped(self, column: str, order: str, most: int) -> list[Group]:
        query = (
            f"SELECT {column} AS name, count(*) AS n, {self.cells()} FROM s "
            f"WHERE {column} IS NOT NULL GROUP BY name HAVING n >= {LEAST} "
            f"ORDER BY {order} LIMIT {most}"
        )
        return [Group(str(name), n, self.shares(cells)) for name, n, *cells in self.rows(query)]

    def groups(self) -> dict[str, list[Group]]:
        """Return the groups of each column that divides the archive, and of its sources.

        A source is a row file, or the folder or archive in which documents lie.
        """
        found = {
            name: self.grouped(name, "n DESC", MOST_GROUPS)
            for name in ("country", "outlet", "author")
        }
        folder = "regexp_extract(source, '^(.*)/[^/]*$', 1)"
        sources = self.grouped(f"if(row IS NULL, {folder}, source)", "n DESC", MOST_GROUPS)
        names = [f"{part.name}/" for part in sources]
        common = len(os.path.commonprefix(names).rpartition("/")[0])  # noqa: RUF071 (up to a slash)
        found["source"] = [
            replace(part, name=part.name[common + bool(common) :]) for part in sources
        ]
        return {name: groups for name, groups in found.items() if len(groups) > 1}

    def disputes(self) -> list[Group]:
        found = []
        for name, pattern in NAMES.items():
            query = (
                f"SELECT count(*), {self.cells()} FROM s "
                f"WHERE regexp_matches(lower(text), '{pattern}')"
            )
            ((count, *cells),) = self.rows(query)
            if count >= LEAST:
                found.append(Group(name, count, self.shares(cells)))
        return sorted(found, key=lambda group: -group.sentences)[:MOST_GROUPS]

    def papers(self, order: str) -> list[Paper]:
        query = (
            "SELECT document, coalesce(title, document), source, n, firm_k / n, conciliatory_k / n "
            f"FROM ({_PAPERS}) ORDER BY {order}"
        )
        return [Paper(*row) for row in self.rows(query)]

    def quotes(self, label: str) -> list[Quote]:
        """Return the sentences with the highest score of a label, no two of one document."""
        query = (
            f'SELECT text, {label}, document, title, source, row, sentence, start, "end" FROM s '
            f"WHERE stance = '{label}' AND tokens >= 8 AND NOT truncated "
            "QUALIFY row_number() OVER (PARTITION BY document, source, row "
            f"ORDER BY {label} DESC, sentence) = 1 "
            f"ORDER BY {label} DESC, document, sentence LIMIT {EXAMPLES}"
        )
        found = []
        for text, score, document, title, source, row, sentence, start, end in self.rows(query):
            near = dict(
                self.rows(
                    "SELECT sentence, text FROM s WHERE source = ? AND document = ? "
                    "AND row IS NOT DISTINCT FROM ? AND sentence IN (?, ?)",
                    source, document, row, sentence - 1, sentence + 1,
                )
            )  # fmt: skip
            link = None
            if document.startswith(("https://", "http://")):
                # A browser goes to the words behind this and marks them.
                link = f"{document}#:~:text={quote(text, safe='').replace('-', '%2D')}"
            found.append(
                Quote(
                    text, score, document, title or document, source, row, sentence, start, end,
                    near.get(sentence - 1, ""), near.get(sentence + 1, ""), link,
                )
            )  # fmt: skip
        return found

    def levels(self) -> list[int]:
        """Return how many sentences have their stance's score in each of `LEVELS` equal steps."""
        step = f"least({LEVELS - 1}, floor({_BEST} * {LEVELS}))::INT"
        query = f"SELECT {step}, count(*) FROM s GROUP BY 1"
        found = dict(self.rows(query))
        return [found.get(level, 0) for level in range(LEVELS)]

    def repeats(self) -> list[Repeat]:
        """Return the sentences, of five words at least, that stand in most documents."""
        query = (
            f"SELECT text, d, stance FROM ({_REPEATED}) WHERE text LIKE '% % % % %' "
            f"ORDER BY d DESC, text LIMIT {EXAMPLES}"
        )
        return [Repeat(*row) for row in self.rows(query)]
