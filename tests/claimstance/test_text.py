"""Normalising and splitting."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimstance import documents
from claimstance.text import LONGEST_SENTENCE, digest, is_blank, normalize, split


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


MARKS = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.combining(unicodedata.normalize("NFD", character)[0])
]


@given(st.sampled_from("aé가中\u0f40"), st.text(st.sampled_from(MARKS), max_size=100))
def test_any_number_of_marks_in_any_order_is_composed(letter: str, marks: str) -> None:
    assert normalize(letter + marks) == unicodedata.normalize("NFC", letter + marks)


@given(st.text(st.sampled_from("a1 \n\0\u200b\u00ad\u3000\u0301\ud800\ue000\u0378")))
def test_a_text_is_blank_when_nothing_of_it_is_left(text: str) -> None:
    assert is_blank(text) == (not normalize(text))


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


@pytest.mark.parametrize(
    "text",
    [
        "word " * 30_000,
        "many lines\nof verse\n" * 5_000,
        "and so on... " * 10_000,
    ],
)
def test_what_runs_on_without_an_end_is_cut_between_words(text: str) -> None:
    found = pieces(f"It began. {text}")
    assert max(map(len, found)) <= LONGEST_SENTENCE
    assert " ".join(found).split() == f"It began. {text}".split()


def test_a_word_of_any_length_is_cut_where_it_must_be() -> None:
    found = pieces("“" + "x" * 50_000 + "”")
    assert "".join(found) == "“" + "x" * 50_000 + "”"
    assert max(map(len, found)) <= LONGEST_SENTENCE


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit", ["'", '"', "(a. ", "http://a.b/c?d=e. ", "\n", "1. ", "-\n", "“", "Gov.", "a@b.Ab "]
)
def test_time_grows_no_faster_than_the_text(unit: str) -> None:
    """A repeated oddity that took the square of its length would not end within the time limit."""
    document = documents.parse("ID : x" + unit * (500_000 // len(unit)))
    document.sentences()
    normalize(document.text)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "marks", ["\u0301" * 499_999 + "\u0316" * 499_999, "\u0301\u0316" * 499_999, "\u0f73" * 999_999]
)
def test_marks_out_of_order_take_no_longer_than_they_are_many(marks: str) -> None:
    """Python alone would order them in the square of their number, with nothing else running."""
    assert normalize("a" + marks)
