"""Which sentences to label: those that two opinions leave open, no two alike."""

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

from training.embedding import Vectors
from training.metrics import Scores

SHORTLIST = 5
"""Candidates for each sentence wanted, among which the choice is spread over topics."""

Worth = npt.NDArray[np.float64]


def worth(model: Scores, opinion: Scores) -> Worth:
    """Return what a label of each sentence would teach, in [0, 1].

    It is the entropy of the mean of both opinions, in units of its greatest value. That is the
    mean entropy of the two, which is how uncertain they are, plus their Jensen-Shannon divergence,
    which is how far they disagree (consensus entropy; Settles 2010, "Active Learning Literature
    Survey", section 3.2).

    Args:
        model: the model's probabilities, shape (sentences, labels).
        opinion: the second opinion's, same shape.
    """
    mean = (np.asarray(model, np.float64) + opinion) / 2
    surprise = np.log(mean, where=mean > 0, out=np.zeros_like(mean))
    return np.asarray(-(mean * surprise).sum(1) / np.log(mean.shape[1]))


def spread(vectors: Vectors, worths: Worth, wanted: int, seed: int) -> list[int]:
    """Return the rows of `wanted` candidates that are worth much and unlike each other.

    The candidates are grouped into as many topics as sentences are wanted (k-means); the
    worthiest of each topic is taken, and then the worthiest of what is left.

    Args:
        vectors: a vector for each candidate, shape (candidates, dimensions).
        worths: what each is worth, shape (candidates,).
        wanted: how many to choose; all, if there are no more.
        seed: where the topics' centres begin follows from it.
    """
    order = np.argsort(-worths, kind="stable")
    if len(order) <= wanted:
        return [int(row) for row in order]
    topics = MiniBatchKMeans(wanted, n_init=1, batch_size=1024, random_state=seed).fit_predict(
        vectors
    )
    _, first = np.unique(topics[order], return_index=True)
    best = order[np.sort(first)]
    rest = order[~np.isin(order, best)]
    return [int(row) for row in np.concatenate([best, rest])[:wanted]]
