"""Encoders of every family: trained, exported, verified and served, on tiny random ones."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import sentencepiece
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast
from typer.testing import CliRunner

from claimstance import Predictor, bundle, registry
from claimstance.errors import InvalidInput, ModelInvalid
from tests.conftest import OWNERS, PLACES, SPEAKERS, TEMPLATES
from training import corpus, export, fit, loop, network, settings
from training.cli.main import app

BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
ROBERTA = ("<pad>", "<unk>", "<s>", "</s>")
RELATIVE = {
    "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"],
    "position_biased_input": False,
    "type_vocab_size": 0,
}
FAMILIES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "bert": (BERT, {}),
    "roberta": (ROBERTA, {"type_vocab_size": 1}),
    "xlm-roberta": (ROBERTA, {"type_vocab_size": 1}),
    "mpnet": (ROBERTA, {}),
    "deberta": (BERT, RELATIVE),
    "deberta-v2": (BERT, RELATIVE | {"position_buckets": 16, "share_att_key": True}),
    "modernbert": (BERT, {"local_attention": 8}),
}
"""What stands for padding, unknown words, start and end; and what else a configuration says."""


def words() -> list[str]:
    parts = (*TEMPLATES.values(), *PLACES, *OWNERS, *SPEAKERS)
    return sorted({word for part in parts for word in re.findall(r"\w+|'", part)})


def encoder(family: str, folder: Path) -> Path:
    """Write a tiny encoder with random weights, and a tokenizer of the words in the sentences."""
    (pad, unknown, start, end), more = FAMILIES[family]
    # In RoBERTa's order, padding is 1; ModernBERT's special tokens come last.
    known = [start, pad, end, unknown] if pad == "<pad>" else [pad, unknown, start, end]
    known = [".", *words(), *known] if family == "modernbert" else [*known, ".", *words()]
    vocabulary = {word: index for index, word in enumerate(known)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(token, vocabulary[token]) for token in (start, end)],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=pad, unk_token=unknown
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        family,
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=vocabulary[pad],
        bos_token_id=vocabulary[start],
        eos_token_id=vocabulary[end],
        cls_token_id=vocabulary[start],
        sep_token_id=vocabulary[end],
        **more,
    )
    AutoModel.from_config(config).save_pretrained(folder)
    return folder


def recipe(folder: Path, base: Path, max_tokens: int = 56) -> Path:
    path = folder / "recipe.toml"
    path.write_text(
        f'base = "{base}"\nmax_tokens = {max_tokens}\nepochs = 6\nmin_steps = 0\nbatch_size = 8\n'
        "learning_rate = 3e-3\nhead_learning_rate = 3e-3\nlayer_decay = 1.0\n"
    )
    return path


def run(labelled: Path, path: Path, version: str) -> None:
    loaded = corpus.load([labelled], with_project=False)
    fit.fit(fit.Run(loaded, settings.load(path), "base", 0, version))


def stances(predictor: Predictor, sentences: list[str]) -> np.ndarray:
    return np.array([list(p.stance_scores.values()) for p in predictor.predict(sentences)])


@pytest.mark.parametrize("family", FAMILIES)
def test_an_encoder_of_any_family_is_trained_exported_verified_and_served(
    family: str, labelled: Path, tmp_path: Path
) -> None:
    run(labelled, recipe(tmp_path, encoder(family, tmp_path / "encoder")), family)
    manifest = registry.verify(family)
    assert manifest.metrics["dev"]["stance"]["macro_f1"] > 0.5
    distance = manifest.metrics["served_against_full_precision"]["stance"]
    assert distance["largest_probability_change"] < 0.03

    texts = [json.loads(line)["text"] for line in labelled.read_text().splitlines()[:12]]
    sentences = [*texts, "Ours.", " ".join(texts[:3])]  # lengths far apart, so much is padding
    start = network.version(registry.find(family), dropout=0.0)
    ids = [start.tokenizer.encode(text).ids for text in sentences]
    logits, _ = loop.logits(start.network, ids)
    scaled = np.exp(logits / manifest.stance.temperature)
    full = scaled / scaled.sum(1, keepdims=True)
    assert np.ptp(full, axis=0).min() > 0.2
    for threads in (None, 1):
        predictor = Predictor.load(family, threads=threads)
        together = stances(predictor, sentences)
        alone = np.concatenate([stances(predictor, [text]) for text in sentences])
        assert np.abs(together - full).max() < 0.03
        assert np.abs(alone - full).max() < 0.03


def test_a_gated_layer_is_not_one_operation_of_the_engine(tmp_path: Path) -> None:
    start = network.pretrained(str(encoder("modernbert", tmp_path / "encoder")), dropout=0.0)
    export.export(start.network, tmp_path / bundle.GRAPH)
    graph = openvino.Core().read_model(tmp_path / bundle.GRAPH)
    products = [
        {node.input_value(side).get_node().get_type_name() for side in (0, 1)}
        for node in graph.get_ops()
        if node.get_type_name() == "Multiply"
    ]
    assert [sides for sides in products if "Gelu" in sides] == [{"Gelu", "Clamp"}] * 2


def test_a_family_that_is_wrong_in_half_precision_is_trained_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    for family, mixed in (("bert", True), ("deberta", False)):
        start = network.pretrained(str(encoder(family, tmp_path / family)), dropout=0.0)
        with loop.mixed_precision(place, start.network):
            assert torch.is_autocast_enabled("cpu") is mixed
        told = loop.described(place, start.network)
        assert ("mixed precision" in told) is mixed
        assert ("not right in bfloat16" in told) is not mixed
    # Without the instructions bfloat16 is emulated, however wide the registers are.
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True})
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert loop.described(place, start.network) == "training on the CPU (AVX512) in float32"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_is_used_and_named(
    labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(labelled, recipe(tmp_path, encoder("bert", tmp_path / "encoder")), "bert")
    assert f"training on {torch.cuda.get_device_name()} in" in capsys.readouterr().out
    registry.verify("bert")


@pytest.mark.parametrize(
    ("family", "tokens", "told"),
    [
        ("bert", 65, "65, padded to 80, is more than the 64 tokens"),
        ("roberta", 57, "57, padded to 64, is more than the 62 tokens"),
        ("modernbert", 65, "65, padded to 80, is more than the 64 tokens"),
    ],
)
def test_sentences_longer_than_the_encoder_reads_are_refused(
    family: str, tokens: int, told: str, labelled: Path, tmp_path: Path
) -> None:
    path = recipe(tmp_path, encoder(family, tmp_path / "encoder"), max_tokens=tokens)
    with pytest.raises(InvalidInput, match=told):
        run(labelled, path, "long")


def test_weights_kept_in_half_precision_are_trained_in_full(tmp_path: Path) -> None:
    folder = encoder("bert", tmp_path / "encoder")
    AutoModel.from_pretrained(folder).to(torch.bfloat16).save_pretrained(folder)
    start = network.pretrained(str(folder), dropout=0.0)
    assert {parameter.dtype for parameter in start.network.parameters()} == {torch.float32}


def test_weights_that_could_run_code_are_refused(tmp_path: Path) -> None:
    folder = encoder("bert", tmp_path / "encoder")
    torch.save(AutoModel.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelInvalid, match="safetensors"):
        network.pretrained(str(folder), dropout=0.0)


@pytest.mark.parametrize("family", ["bert", "modernbert"])
def test_an_encoder_without_its_tokenizer_is_refused(family: str, tmp_path: Path) -> None:
    folder = encoder(family, tmp_path / "encoder")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(ModelInvalid, match="tokenizer"):
        network.pretrained(str(folder), dropout=0.0)


def test_a_tokenizer_kept_as_a_sentencepiece_model_is_read(tmp_path: Path) -> None:
    folder = encoder("deberta-v2", tmp_path / "encoder")
    for path in folder.glob("tokenizer*"):
        path.unlink()
    sentences = tmp_path / "sentences.txt"
    sentences.write_text("\n".join([*TEMPLATES.values(), *PLACES, *OWNERS, *SPEAKERS]))
    pieces: dict[str, Any] = dict(
        zip(("pad_piece", "unk_piece", "bos_piece", "eos_piece"), BERT, strict=True)
    )
    sentencepiece.SentencePieceTrainer.Train(
        input=str(sentences),
        model_prefix=str(folder / "spm"),
        vocab_size=50,
        pad_id=0,
        unk_id=1,
        bos_id=2,
        eos_id=3,
        **pieces,
    )
    start = network.pretrained(str(folder), dropout=0.0)
    tokens = start.tokenizer.encode("their reef").tokens
    assert tokens[0] == "[CLS]"
    assert "".join(tokens[1:-1]) == "▁their▁reef"


def test_a_base_beside_a_version_to_start_from_is_refused(labelled: Path) -> None:
    given = ["fit", "--data", str(labelled), "--no-corpus", "--base", "x", "--start", "1.0.0"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 2
    assert "leave out --base" in result.output
