"""Ways of cutting sentences into batches."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from claimstance.predictor import BATCH_TOKENS, EVEN, STRIDE

Ids = tuple[int, ...]
"""A sentence's token ids."""

Batch = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Right-padded ids and mask, each (sentences, tokens)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One way of cutting sentences, sorted by length, into batches.

    Attributes:
        tokens: tokens of a batch, padding included, at most.
        stride: a sentence is padded to the next multiple of this.
        even: of more sentences than this, a batch has a multiple of it.
        together: sentences of different padded lengths share a batch, the longest's length, and
            there may be any number of them.
    """

    tokens: int = BATCH_TOKENS
    stride: int = STRIDE
    even: int = EVEN
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
                if size > self.even:
                    size -= size % self.even
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
        return -(-len(ids) // self.stride) * self.stride

    def _pad(self, members: Sequence[Ids]) -> Batch:
        lengths = np.array([len(ids) for ids in members])
        mask = np.arange(self.length(members[-1])) < lengths[:, None]
        padded = np.zeros(mask.shape, np.int64)
        padded[mask] = [token for ids in members for token in ids]
        return padded, mask.astype(np.int64)


CORE = Plan()
"""As the core does it."""

PLANS = {
    "only equal lengths, no padding": Plan(stride=1),
    "padded to a multiple of 8, only equal lengths (the core)": CORE,
    "padded to a multiple of 16, only equal lengths": Plan(stride=16),
    "the core, but any number of sentences": Plan(even=1),
    "sorted, padded to the longest": Plan(stride=1, together=True),
    "the core, at most 1,024 tokens": Plan(tokens=1024),
    "the core, at most 4,096 tokens": Plan(tokens=4096),
    "the core, at most 8,192 tokens": Plan(tokens=8192),
}
"""What is compared, all with at most 2,048 tokens but where said."""
