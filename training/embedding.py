"""Sentences as vectors: an encoder's mean-pooled output, of unit length."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor

from claimstance.text import normalize
from training import loop, network
from training.network import Network, Start
from training.settings import Settings

Vectors = npt.NDArray[np.float32]

BATCH = 64


def vectors(texts: Sequence[str], settings: Settings) -> Vectors:
    """Return the embeddings of `texts` by the recipe's base encoder, (texts, hidden)."""
    start = network.pretrained(settings.base, settings.dropout)
    return embeddings(start.network, encode(start, texts, settings.max_tokens))


def encode(start: Start, texts: Sequence[str], max_tokens: int) -> list[list[int]]:
    """Return the token ids of `texts`, those after `max_tokens` cut off."""
    encoded = start.tokenizer.encode_batch([normalize(text) for text in texts])
    return [e.ids[:max_tokens] for e in encoded]


def embed(model: Network, ids: Sequence[list[int]]) -> Tensor:
    """Return unit-length mean-pooled embeddings of one batch, (sentences, hidden)."""
    place = loop.device()
    padded, mask = loop.pad(ids, place)
    with loop.mixed_precision(place, model):
        hidden = model.encoder(input_ids=padded, attention_mask=mask).last_hidden_state.float()
    pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    return torch.nn.functional.normalize(pooled, dim=1)


def embeddings(model: Network, ids: Sequence[list[int]]) -> Vectors:
    """Return the embeddings of any number of sentences in order, without gradients."""
    model.to(loop.device()).eval()
    order = sorted(range(len(ids)), key=lambda index: len(ids[index]))
    parts = []
    with torch.inference_mode():
        for first in track(range(0, len(order), BATCH), "embedding", transient=True):
            parts.append(embed(model, [ids[i] for i in order[first : first + BATCH]]).cpu().numpy())
    result = np.empty((len(ids), parts[0].shape[1]), np.float32)
    result[order] = np.concatenate(parts)
    return result
