"""Claimstance reads sentences and says how each stands on a sovereignty claim, and in what tone."""

from claimstance.errors import ClaimstanceError
from claimstance.labels import SENTIMENTS, STANCES, Sentiment, Stance
from claimstance.predictor import Prediction, Predictor

__all__ = [
    "SENTIMENTS",
    "STANCES",
    "ClaimstanceError",
    "Prediction",
    "Predictor",
    "Sentiment",
    "Stance",
]
