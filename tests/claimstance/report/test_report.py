"""The report: shares that are corrected honestly, and a page that is whole by itself."""

import html.parser
import json
import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimstance.errors import InvalidInput
from claimstance.report import page
from claimstance.report.disputes import NAMES
from claimstance.report.prevalence import Correction
from claimstance.scoring import score
from tests.claimstance.scoring.conftest import SENTENCES, Silent

pytestmark = pytest.mark.usefixtures("in_process")

LEVELS = (0.0, 0.9)
# Of sure neutrals one in a hundred is firm; unsure labels are half wrong.
HELD_OUT = [
    [[30, 5, 25], [95, 1, 4]],
    [[5, 30, 25], [2, 95, 3]],
    [[20, 20, 40], [10, 10, 980]],
]


def test_an_archive_like_the_held_out_sentences_gets_their_true_shares() -> None:
    counts = np.array(HELD_OUT)
    shares = Correction(LEVELS, counts).shares(counts.sum(2))
    true = counts.sum((0, 1)) / counts.sum()
    assert shares.corrected == pytest.approx(true, abs=2e-3)
    assert np.all((shares.low <= true) & (true <= shares.high))
    assert shares.raw == pytest.approx(counts.sum((1, 2)) / counts.sum())


def test_intervals_hold_the_truth_about_nineteen_times_in_twenty() -> None:
    chance = np.random.default_rng(1)
    rates = np.array(HELD_OUT, float)
    rates /= rates.sum(-1, keepdims=True)
    inside = []
    for _ in range(200):
        known = chance.multinomial([[60, 100], [60, 100], [80, 1000]], rates)
        given_ = chance.multinomial(500, [0.02, 0.05, 0.02, 0.05, 0.06, 0.8]).reshape(3, 2)
        true = chance.multinomial(given_, rates).sum((0, 1)) / 500
        shares = Correction(LEVELS, known).shares(given_)
        inside.append((shares.low <= true) & (true <= shares.high))
    assert 0.9 < np.mean(inside) <= 1.0


@given(st.lists(st.integers(0, 1000), min_size=6, max_size=6).filter(sum))
def test_shares_are_shares(counts: list[int]) -> None:
    shares = Correction(LEVELS, HELD_OUT).shares(np.reshape(counts, (3, 2)))
    for values in (shares.raw, shares.corrected):
        assert values.sum() == pytest.approx(1)
        assert values.min() >= 0
    assert np.all(shares.low <= shares.corrected)
    assert np.all(shares.corrected <= shares.high)


def test_dispute_patterns_are_lower_case_and_compile() -> None:
    for pattern in NAMES.values():
        assert pattern == pattern.lower()
        assert "'" not in pattern
        re.compile(pattern)


class Tags(html.parser.HTMLParser):
    """Gathers a page's elements and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and where it points."""
        self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(8):
        text = " ".join([*SENTENCES * 12, "<script>alert(1)</script> & Kashmir is ours."])
        (folder / f"{'AB'[number % 2]}FG_0{number}_195{number}.txt").write_text(text)
    score.score([str(folder)], tmp_path / "out", Silent())
    return tmp_path / "out"


def test_the_page_is_whole_by_itself_and_shows_what_is_there(scored: Path) -> None:
    path = page.write(scored)
    text = path.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert "script" not in tags.open
    assert tags.links == []
    assert "default-src 'none'" in text
    assert "By country" in tags.text
    assert "Over the years" in tags.text
    assert "uncorrected" in tags.text
    assert SENTENCES[0] in tags.text
    assert "<script>alert" in tags.text  # a document's text, shown and not run
    assert len(text) < 500_000


def test_sources_are_told_apart_and_a_sentence_is_linked_to_its_place(tmp_path: Path) -> None:
    for name in ("north", "south"):
        lines = [
            {"text": " ".join(SENTENCES * 12), "url": f"https://{name}.example/{number}"}
            for number in range(2)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    score.score([str(tmp_path / "*.jsonl")], tmp_path / "out", Silent())
    tags = Tags()
    tags.feed(page.write(tmp_path / "out").read_text(encoding="utf-8"))
    assert "By source" in tags.text
    assert "north.jsonl" in tags.text
    assert "A cheap first stage answered" in tags.text or "The encoder read every" in tags.text
    assert f"https://north.example/0#:~:text={quote(SENTENCES[0])}" in tags.links


def test_a_folder_that_is_not_scored_to_its_end_has_no_report(scored: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no scored archive"):
        page.write(tmp_path)
    job = scored / "job.json"
    job.write_text(job.read_text().replace('"state": "done"', '"state": "begun"'))
    with pytest.raises(InvalidInput, match="not scored to its end"):
        page.write(scored)


def test_a_page_of_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text(" ")
    score.score([str(tmp_path / "empty.txt")], tmp_path / "out", Silent())
    with pytest.raises(InvalidInput, match="holds no sentence"):
        page.write(tmp_path / "out")
