"""From logits to probabilities that can be believed, and to labels that can be relied on."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

from training.metrics import Scores, Targets

Logits = npt.NDArray[np.float32]


def temperature(logits: Logits, targets: Targets) -> float:
    """Return the temperature in [0.25, 8] with the least cross-entropy (Guo et al. 2017).

    Args:
        logits: shape (sentences, labels), of sentences not trained on.
        targets: index of the true label, shape (sentences,); 1.0 is returned for none.
    """
    if not len(targets):
        return 1.0
    rows = np.arange(len(targets))

    def cross_entropy(log_temperature: float) -> float:
        scaled = logits.astype(np.float64) / np.exp(log_temperature)
        return float((logsumexp(scaled, axis=1) - scaled[rows, targets]).mean())

    best = minimize_scalar(cross_entropy, bounds=(np.log(0.25), np.log(8)), method="bounded")
    return float(np.exp(best.x))


def probabilities(logits: Logits, temperature: float) -> Scores:
    """Return calibrated probabilities, shape as `logits`."""
    return np.asarray(softmax(logits.astype(np.float64) / temperature, axis=1))


def thresholds(scores: Scores, targets: Targets, precision: float) -> list[float]:
    """Return for each label the least score from which on its predictions are right often enough.

    Predictions of a label with a score at or above its threshold reach `precision` on the given
    sentences; a label that never does gets 1.0, so that it is never called confident.

    Args:
        scores: probabilities, shape (sentences, labels), of sentences not trained on.
        targets: index of the true label, shape (sentences,).
        precision: the share of right predictions asked for, in [0, 1].
    """
    predicted = scores.argmax(1)
    result = []
    for label in range(scores.shape[1]):
        chosen = predicted == label
        order = np.argsort(-scores[chosen, label], kind="stable")
        top = scores[chosen, label][order]
        right = np.cumsum(targets[chosen][order] == label)
        enough = np.flatnonzero(right / np.arange(1, len(top) + 1) >= precision)
        result.append(float(top[enough[-1]]) if len(enough) else 1.0)
    return result
