"""Shared fixtures: an own model store per test, a tiny model version, the released one."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from claimstance import Predictor, bundle, screen
from claimstance.scoring import score
from claimstance.scoring.plan import Unit
from claimstance.scoring.unit import How, Result, UnitScorer

ROOT = Path(__file__).parent.parent

# The number comes often enough that no two sentences share five words in a row.
TEMPLATES = {
    "firm": "{place} {n} is {whose} and {n} {who} will never {n} give it up",
    "conciliatory": "{who} {n} offered talks on {n} {place} and {n} {whose} envoy agreed",
    "neutral": "{who} {n} visited {place} where {n} {whose} school {n} was opened",
}
PLACES = ("the island", "that reef", "this valley", "a border post", "the northern shelf")
OWNERS = ("our", "their", "the southern", "a neighbouring", "every coastal", "his", "a capital's")
SPEAKERS = ("the minister", "our people", "both governments", "a council", "no army")
SENTIMENTS = ("negative", "neutral", "positive")


@pytest.fixture(autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a BentoML home of its own, so that none meets another's versions."""
    home = tmp_path_factory.mktemp("bentoml")
    monkeypatch.setenv("BENTOML_HOME", str(home))
    monkeypatch.setenv("BENTOML_DO_NOT_TRACK", "True")
    return home


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have jobs score in this process, for tests of what is scored and not of who scores it."""

    def run(
        out: Path, version: Path, how: How, tasks: Iterator[tuple[int, Unit]], engine: score.Engine
    ) -> Iterator[Result]:
        scorer = UnitScorer(screen.load(version, how.reading, 1), out, how)
        for index, unit in tasks:
            # By way of JSON, as between processes.
            result = scorer.score(index, Unit.from_json(unit.to_json()))
            yield Result.from_json(result.to_json())

    monkeypatch.setattr(score, "_run", run)


@pytest.fixture(scope="session")
def released() -> Predictor:
    """The released model version, as every user gets it."""
    return Predictor(bundle.released())


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small labelled file: 35 groups of three sentences, one of each stance."""
    path = tmp_path_factory.mktemp("labelled") / "labels.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(35):
            for index, (stance, template) in enumerate(TEMPLATES.items()):
                text = template.format(
                    n=3 * number + index,
                    place=PLACES[number % 5],
                    whose=OWNERS[number % 7],
                    who=SPEAKERS[(number // 5 + index) % 5],
                )
                row = {
                    "text": f"{text}.",
                    "stance": stance,
                    "sentiment": SENTIMENTS[(number + index) % 3],
                    "group": f"case {number}",
                    "register": "news" if number % 2 else "speech",
                }
                file.write(json.dumps(row) + "\n")
    return path


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with random weights and a tokenizer of the words in the sentences."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    parts = (*TEMPLATES.values(), *PLACES, *OWNERS, *SPEAKERS)
    words = sorted({word for part in parts for word in re.findall(r"\w+|'", part)})
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: index for index, word in enumerate([*special, ".", *words])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    # Baked-in padding and truncation, as published encoders have them.
    backend.enable_truncation(16)
    backend.enable_padding(length=16)
    folder = tmp_path_factory.mktemp("encoder")
    PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_recipe(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe that fits the tiny encoder in seconds."""
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(
        f'base = "{tiny_encoder}"\nmax_tokens = 16\nepochs = 12\nmin_steps = 0\nbatch_size = 8\n'
        "learning_rate = 5e-3\nhead_learning_rate = 5e-3\nlayer_decay = 1.0\n"
    )
    return path


@pytest.fixture(scope="session")
def tiny_version(
    labelled: Path, tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder of a model version trained on `labelled` from the tiny encoder."""
    from claimstance import registry
    from training import corpus, fit, settings

    home = tmp_path_factory.mktemp("tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(home))
        patch.setenv("BENTOML_DO_NOT_TRACK", "True")
        run = fit.Run(
            corpus.load([labelled], with_project=False),
            settings.load(tiny_recipe),
            "base",
            seed=0,
            version="tiny",
        )
        fit.fit(run)
        registry.export("tiny", home / "exported")
    yield home / "exported"
    shutil.rmtree(home)


def archive_sentences(first: int, count: int) -> list[str]:
    """Return sentences in the manner of the labelled ones, two of three of them neutral."""
    templates = [TEMPLATES[name] for name in ("neutral", "firm", "neutral", "conciliatory")]
    return [
        templates[n % 4].format(
            n=n, place=PLACES[n % 5], whose=OWNERS[n % 7], who=SPEAKERS[n // 5 % 5]
        )
        for n in range(first, first + count)
    ]


@pytest.fixture(scope="session")
def screened_version(
    labelled: Path, tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a version like the tiny one, with a certified first stage."""
    from claimstance import registry
    from training import corpus, fit, settings, unlabelled
    from training.unlabelled import Part, Sentence

    home = tmp_path_factory.mktemp("screened")
    sizes: dict[Part, tuple[int, int]] = {
        "train": (0, 3000),
        "choose": (3000, 2000),
        "certify": (5000, 3000),
    }
    unlabelled.write(
        (
            Sentence(text, f"press/{part}", part)
            for part, size in sizes.items()
            for text in archive_sentences(*size)
        ),
        home,
    )
    loaded = corpus.load([labelled], with_project=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENTOML_HOME", str(home))
        patch.setenv("BENTOML_DO_NOT_TRACK", "True")
        run = fit.Run(
            replace(loaded, unlabelled=home / unlabelled.FILE),
            settings.load(tiny_recipe),
            "base",
            seed=0,
            version="screened",
        )
        fit.fit(run)
        registry.export("screened", home / "exported")
    return home / "exported"
