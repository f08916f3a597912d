"""Ways of cutting sentences into batches."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from claimstance.predictor import BATCH_TOKENS, FEW, SHORT, STRIDE

Ids = tuple[int, ...]
"""A sentence's token ids."""

Batch = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Right-padded ids and mask, each (sentences, tokens)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One way of cutting sentences, sorted by length, into batches.

    Attributes:
        tokens: tokens of a batch, padding included, at most.
        stride: a sentence of up to `short` tokens is padded to the next multiple of this, a longer
            one to the next of twice as many.
        short: tokens of a short sentence.
        few: of more sentences than this, a batch has a power of two.
        together: sentences of different padded lengths share a batch, the longest's length, and
            there may be any number of them.
    """

    tokens: int = BATCH_TOKENS
    stride: int = STRIDE
    short: int = SHORT
    few: int = FEW
    together: bool = False

    def cut(self, sentences: Iterable[Ids]) -> list[Batch]:
        """Return the batches of `sentences`, in order of length."""
        ordered = sorted(sentences, key=lambda ids: (len(ids), ids))
        if self.together:
            return [self._pad(members) for members in self._fill(ordered)]
        batches = []
        for length, same in itertools.groupby(ordered, self.length):
            members = list(same)
            while members:
                size = min(len(members), max(1, self.tokens // length))
                if size > self.few:
                    size = 1 << (size.bit_length() - 1)
                batches.append(self._pad(members[:size]))
                members = members[size:]
        return batches

    def _fill(self, ordered: Sequence[Ids]) -> Iterator[list[Ids]]:
        """Yield runs of sentences that fit together; the last of each is its longest."""
        run: list[Ids] = []
        for ids in ordered:
            if run and (len(run) + 1) * self.length(ids) > self.tokens:
                yield run
                run = []
            run.append(ids)
        if run:
            yield run

    def length(self, ids: Ids) -> int:
        """Return the tokens of a sentence, padding included."""
        stride = self.stride if len(ids) <= self.short else 2 * self.stride
        return -(-len(ids) // stride) * stride

    def _pad(self, members: Sequence[Ids]) -> Batch:
        lengths = np.array([len(ids) for ids in members])
        mask = np.arange(self.length(members[-1])) < lengths[:, None]
        padded = np.zeros(mask.shape, np.int64)
        padded[mask] = [token for ids in members for token in ids]
        return padded, mask.astype(np.int64)


CORE = Plan()
"""As the core does it."""

ANY = BATCH_TOKENS
"""As `short` or `few`: what is said of more of them never comes to pass."""

PLANS = {
    "only equal lengths, no padding": Plan(stride=1, short=ANY),
    "the core: padded to a multiple of 8, from 65 tokens of 16": CORE,
    "the core, but to a multiple of 8 at any length": Plan(short=ANY),
    "the core, but to a multiple of 16 at any length": Plan(stride=16, short=ANY),
    "the core, but any number of sentences": Plan(few=ANY),
    "the core, but 1, 2, 4, 8, ... sentences": Plan(few=1),
    "sorted, padded to the longest": Plan(stride=1, short=ANY, together=True),
    "the core, at most 1,024 tokens": Plan(tokens=1024),
    "the core, at most 4,096 tokens": Plan(tokens=4096),
    "the core, at most 8,192 tokens": Plan(tokens=8192),
}
"""What is compared, all with at most 2,048 tokens but where said."""
