"""Words and what leaving them out does."""

import pytest

from claimstance import Predictor, occlusion


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("The reef is ours.", ["The", "reef", "is", "ours"]),
        ("“Never,” he said – twice!", ["Never", "he", "said", "twice"]),
        ("It's a so-called U.S. claim", ["It's", "a", "so-called", "U.S", "claim"]),
        ("🏝️ Réef\n\tça 42", ["Réef", "ça", "42"]),
        ("... – !", []),
        ("", []),
    ],
)
def test_words_stand_without_the_punctuation_around_them(sentence: str, words: list[str]) -> None:
    assert [sentence[w.start : w.end] for w in occlusion.words(sentence)] == words


def test_leaving_a_word_out_leaves_the_rest_as_it_is() -> None:
    sentence = "The reef, they said, is ours."
    shorter = [occlusion.without(sentence, word) for word in occlusion.words(sentence)]
    assert shorter[1] == "The , they said, is ours."
    assert shorter[-1] == "The reef, they said, is ."


def test_a_change_is_the_predicted_stances_score_without_the_word_less_the_score_with_it(
    released: Predictor,
) -> None:
    whole, other = released.predict(["The reef is ours and stays ours.", "They agreed to talk."])
    same, change = occlusion.changes(whole, [whole, other])
    assert same == 0
    assert change == other.stance_scores[whole.stance] - whole.stance_scores[whole.stance]
