"""What a sentence costs the encoder, and that the measured run counts it."""

import json

import pytest

from benchmarks import encoder
from claimstance import bundle


def test_operations_are_those_of_linear_layers_and_attention() -> None:
    config = {"hidden_size": 4, "intermediate_size": 8, "num_hidden_layers": 2}
    # A layer: two a product of 4 of 4x4 and 2 of 4x8 weights a token; 2 of attention of 3x3x4.
    assert encoder.flops(config, 3) == 2 * (2 * 3 * (4 * 16 + 2 * 32) + 2 * 2 * 9 * 4)


def test_a_token_of_the_released_encoder_costs_21_million() -> None:
    config = json.loads((bundle.released() / bundle.ENCODER).read_text(encoding="utf-8"))
    assert encoder.flops(config, 1) == pytest.approx(21.2e6, rel=0.01)


def test_equal_sentences_count_once_and_tokens_without_padding() -> None:
    texts = ["The reef is ours.", "The reef is ours.", "Both governments agreed to more talks."]
    found = encoder.measure(bundle.released(), texts, 2)
    assert found["sentences"] == 2
    assert found["tokens"] == 7 + 9
    assert found["seconds"] > 0
