"""Predicting: the released version on sentences, one by one and together."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claimstance import SENTIMENTS, STANCES, Predictor, bundle, predictor
from claimstance.engine import Logits
from claimstance.errors import InvalidInput, ModelNotFound
from claimstance.golden import check

SENTENCES = [
    "The archipelago is an inseparable part of our territory and no talks will change that.",
    "Both foreign ministers agreed to reopen negotiations on the disputed shelf in the spring.",
    "The harbour froze over in January and the ferry did not run.",
    "Short.",
    "The committee, which had met on Tuesday and again on Thursday, heard from " * 6 + "experts.",
]


def test_there_is_one_prediction_per_sentence_in_order(released: Predictor) -> None:
    together = released.predict(SENTENCES)
    assert [released.predict([sentence])[0] for sentence in SENTENCES] == together


def test_scores_do_not_depend_on_the_company(released: Predictor) -> None:
    """To the last bit, whatever else is in the batch and however much of it."""
    phrase = "the ministers met on the island and spoke of the border for many hours "
    sentences = [f"{phrase * 2}"[: 5 + i % 150] + f"{i}." for i in range(300)]
    together = released.predict(sentences)
    for i in range(0, 300, 23):
        assert released.predict([sentences[i]]) == [together[i]]
    assert released.predict(sentences[100:140]) == together[100:140]


def test_scores_are_probabilities_in_label_order(released: Predictor) -> None:
    for p in released.predict(SENTENCES):
        assert tuple(p.stance_scores) == STANCES
        assert tuple(p.sentiment_scores) == SENTIMENTS
        assert sum(p.stance_scores.values()) == pytest.approx(1)
        assert sum(p.sentiment_scores.values()) == pytest.approx(1)
        assert p.stance == max(p.stance_scores, key=p.stance_scores.__getitem__)


def test_the_released_version_reads_plain_cases(released: Predictor) -> None:
    assert [p.stance for p in released.predict(SENTENCES[:3])] == list(STANCES)


def test_equal_sentences_get_equal_predictions(released: Predictor) -> None:
    first, other, again = released.predict([SENTENCES[0], SENTENCES[1], "  " + SENTENCES[0]])
    assert first == again
    assert first != other


def test_a_long_sentence_is_cut_and_says_so(released: Predictor) -> None:
    (prediction,) = released.predict(["word " * 2000])
    assert prediction.truncated
    assert prediction.tokens == 2002
    assert not released.predict(["word"])[0].truncated


def test_no_sentences_give_no_predictions(released: Predictor) -> None:
    assert released.predict([]) == []


@pytest.mark.parametrize("bad", ["", "  \n", "\u200b", None, 3])
def test_what_cannot_be_read_is_named(released: Predictor, bad: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        released.predict(["Fine.", bad])  # type: ignore[list-item]
    assert caught.value.where == "sentences[1]"


def test_one_string_is_not_a_list(released: Predictor) -> None:
    with pytest.raises(InvalidInput, match="list"):
        released.predict("A sentence.")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(min_size=1), max_size=5))
def test_any_text_is_read_or_refused(released: Predictor, texts: list[str]) -> None:
    try:
        assert len(released.predict(texts)) == len(texts)
    except InvalidInput as error:
        assert error.where is not None


def test_an_unknown_version_is_not_found() -> None:
    with pytest.raises(ModelNotFound, match="models list"):
        Predictor.load("no-such-version")


def test_a_version_loads_by_path(tiny_version: Path) -> None:
    assert Predictor.load(tiny_version).model.version == "tiny"


def test_golden_sentences_come_out_right(tiny_version: Path) -> None:
    check(tiny_version)
    check(bundle.released())


def test_whatever_comes_few_shapes_are_computed() -> None:
    class Seen:
        def __init__(self) -> None:
            self.shapes: set[tuple[int, ...]] = set()

        def run(self, ids: npt.NDArray[np.int64], _: object) -> tuple[Logits, Logits]:
            self.shapes.add(ids.shape)
            return (np.zeros((len(ids), 3), np.float32),) * 2

    seen = Seen()
    for count in range(1, 130):
        for length in range(8, 193, 8):
            predictor.run_batches(seen, [tuple(range(length))] * count)  # type: ignore[arg-type]
    assert len(seen.shapes) <= 16 * 9  # that the engine keeps something of
