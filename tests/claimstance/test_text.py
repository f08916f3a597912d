"""Normalising and splitting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimstance import documents
from claimstance.text import digest, normalize, split


def pieces(text: str) -> list[str]:
    return [text[span.start : span.end] for span in split(text)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("  two\n\twords \r\n", "two words"),
        ("“Ours” – the minister’s word…", '"Ours" - the minister\'s word...'),
        ("follow-\nup of self-\n   determination", "follow-up of self-determination"),
        (
            "zero\u200bwidth, soft\u00adhyphen, \ufeffmark, nul\x00",
            "zerowidth, softhyphen, mark, nul",
        ),
        ("cafe\u0301", "café"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("\u200b \u00ad", ""),
    ],
)
def test_normalize(raw: str, expected: str) -> None:
    assert normalize(raw) == expected


@given(st.text())
def test_normalize_is_idempotent(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once
    assert once == once.strip()


def test_digest_knows_a_sentence_whatever_its_spacing() -> None:
    assert digest("It  is\nour “land”.") == digest('It is our "land".')
    assert digest("It is our land.") != digest("It is your land.")


@pytest.mark.parametrize(
    "sentence",
    [
        "Mr. Harlow met Gen. Ito and Dr. Sand at the U.S. Embassy in Lima on Oct. 3, 2019.",
        "GENEVA, March 4. /NNA/. The envoy of St. Corran said that talks would resume.",
        "OSLO, 12 May - The cabinet met at 3 p.m. Monday and adopted decree No. 12.",
        '"It is a long road. We shall walk it," the envoy said.',
        'The chairman said: "We have time. We will wait." and sat down.',
        "The Govt. of the island, i.e. the council, agreed.",
        "Ms. Roe cited para. 6 and Art. 5 of vol. 2 to Amb. Dane and Rep. Sand.",
        "Growth was 3.5 percent in the first quarter.",
        "The line broke\nin the middle of a\nsentence.",
        "Mrs.Roe, a Ph.D. of Lima, wrote to john.Dane@office.example about it.",
        "“It ended today.So we left,” he said.",
    ],
)
def test_a_sentence_stays_whole(sentence: str) -> None:
    assert pieces(f"It began. {sentence} It ended.") == ["It began.", sentence, "It ended."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("First. Second! Third?", ["First.", "Second!", "Third?"]),
        (
            "26.\tMr. Dane spoke. He left.\n27.  Ms. Roe spoke.",
            ["Mr. Dane spoke.", "He left.", "Ms. Roe spoke."],
        ),
        ("A heading\n\nThe text begins.", ["A heading", "The text begins."]),
        ("One.\n\n***\n\nTwo.", ["One.", "Two."]),
        ("A heading\r\n\r\nIt broke\r\nhere.", ["A heading", "It broke\r\nhere."]),
        ("A heading\r\rThe text.", ["A heading", "The text."]),
        (
            'He rose. "Open quotation. It never ends. It goes on.',
            ["He rose.", '"Open quotation.', "It never ends.", "It goes on."],
        ),
        (
            "It ended today.So we left.Why?I asked.",
            ["It ended today.", "So we left.", "Why?", "I asked."],
        ),
        ("He said “no.”They left.", ["He said “no.”", "They left."]),
        (
            'The plan (if any, he said, "is in [the annex]." See the report.',
            ['The plan (if any, he said, "is in [the annex]."', "See the report."],
        ),
        ("*MR. DANE: It rained.", ["*MR. DANE: It rained."]),
        ("", []),
        (" \n\u200b ", []),
    ],
)
def test_split(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


def test_a_long_quotation_is_split_and_keeps_its_marks() -> None:
    inner = " ".join(f"Sentence number {n} of the speech was read aloud." for n in range(20))
    found = pieces(f'The text says: "{inner}" It ended.')
    assert len(found) == 21
    assert found[19].endswith('"')


@given(st.text(alphabet=st.sampled_from("aB .!?\"“”«»\n\t()[]1'’,<>"), max_size=200))
def test_spans_are_in_order_and_without_white_space_around(text: str) -> None:
    end = 0
    for span in split(text):
        assert end <= span.start < span.end <= len(text)
        sentence = text[span.start : span.end]
        assert sentence == sentence.strip()
        end = span.end


@given(st.text(max_size=200))
def test_nothing_with_a_letter_is_lost(text: str) -> None:
    spans = split("x " + text)
    covered = set().union(*(range(s.start, s.end) for s in spans))
    lost = [
        c for i, c in enumerate("x " + text) if i not in covered and c.isalpha() and normalize(c)
    ]
    # Only an enumerator such as "(b)" or "iv." may stand outside.
    assert len(lost) <= 5 * ("x " + text).count("\n") + 5


def test_a_paragraph_of_any_length_is_split_alike() -> None:
    sentences = [f"Sentence {n} was read by Mr. Dane to the council." for n in range(3000)]
    assert pieces(" ".join(sentences)) == sentences


@pytest.mark.parametrize("unit", ["'", '"', "(a. ", "http://a.b/c?d=e. ", "\n", "1. ", "-\n", "“"])
@pytest.mark.timeout(60)
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    """A repeated oddity that took the square of its length would not end within the time limit."""
    document = documents.parse("ID : x" + unit * (500_000 // len(unit)))
    document.sentences()
    normalize(document.text)
