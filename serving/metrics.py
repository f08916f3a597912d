"""What the service tells Prometheus beyond BentoML's own request metrics.

BentoML's workers begin with prometheus_client's multiprocess mode set up, so metrics are made
once, at import. In that mode a series is never removed: labels are of closed sets only.
"""

from collections import Counter as Tally
from collections.abc import Sequence
from contextlib import suppress

from prometheus_client import Counter, Gauge, Histogram

from claimstance import SENTIMENTS, STANCES, Prediction
from claimstance.bundle import Manifest
from claimstance.errors import ClaimstanceError
from claimstance.labels import Sentiment, Stance
from serving.counters import move_to_memory

move_to_memory()

HEADS: dict[str, Sequence[str]] = {"stance": STANCES, "sentiment": SENTIMENTS}
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

SENTENCES = Counter("claimstance_sentences", "Sentences that the version in production labelled.")
LABELS = Counter("claimstance_labels", "Labels given, by head.", ("head", "label"))
NOT_CONFIDENT = Counter("claimstance_not_confident", "Sentences labelled below a threshold.")
TOKENS = Counter("claimstance_tokens", "Tokens of the sentences labelled.")
TRUNCATED = Counter("claimstance_truncated", "Sentences too long to be read whole.")
REFUSED = Counter("claimstance_refused", "Requests refused, by the error's code.", ("code",))
CORRECTIONS = Counter(
    "claimstance_corrections", "Labels that readers corrected, by the right one.", ("head", "label")
)

BATCH_SENTENCES = Histogram(
    "claimstance_batch_sentences", "Sentences computed together.", buckets=SIZES
)
COMPUTE_SECONDS = Histogram(
    "claimstance_compute_seconds", "Time to compute a batch.", buckets=SECONDS
)
QUEUE_SECONDS = Histogram(
    "claimstance_queue_seconds", "Time until a request's first batch begins.", buckets=SECONDS
)

PRODUCTION = Gauge(
    "claimstance_production_info",
    "1 for the version that answers, 0 for those that did before.",
    ("version",),
    multiprocess_mode="mostrecent",
)
PRODUCTION_REFUSED = Gauge(
    "claimstance_production_refused",
    "1 while the version in production was refused and one before it answers.",
    multiprocess_mode="mostrecent",
)
LOAD_FAILURES = Counter(
    "claimstance_load_failures", "Versions that could not be loaded or verified.", ("role",)
)
CANDIDATE = Counter(
    "claimstance_candidate_sentences", "Sentences that a version asked for by name labelled."
)
SHADOW = Counter("claimstance_shadow_sentences", "Sentences that the shadow labelled too.")
SHADOW_DROPPED = Counter(
    "claimstance_shadow_dropped", "Sentences drawn for the shadow and not labelled: it was busy."
)
SHADOW_DISAGREEMENTS = Counter(
    "claimstance_shadow_disagreements", "Labels that the shadow gives differently.", ("head",)
)

REFERENCE_SHARE = Gauge(
    "claimstance_reference_share",
    "Share of a label in the corpus that the version in production was calibrated on.",
    ("head", "label"),
    multiprocess_mode="mostrecent",
)
REFERENCE_TOKENS = Gauge(
    "claimstance_reference_tokens",
    "Mean tokens of a sentence of that corpus.",
    multiprocess_mode="mostrecent",
)

# Series that exist from the start show their first increase.
for _head, _labels in HEADS.items():
    SHADOW_DISAGREEMENTS.labels(_head)
    for _label in _labels:
        LABELS.labels(_head, _label)
        CORRECTIONS.labels(_head, _label)
for _role in ("production", "candidate", "shadow"):
    LOAD_FAILURES.labels(_role)
for _error in ClaimstanceError.__subclasses__():
    REFUSED.labels(_error.code)


def labelled(predictions: Sequence[Prediction]) -> None:
    """Count what the version in production said of sentences that a client sent."""
    SENTENCES.inc(len(predictions))
    for head in HEADS:
        for label, count in Tally(getattr(p, head) for p in predictions).items():
            LABELS.labels(head, label.value).inc(count)
    NOT_CONFIDENT.inc(sum(not p.confident for p in predictions))
    TOKENS.inc(sum(p.tokens for p in predictions))
    TRUNCATED.inc(sum(p.truncated for p in predictions))


def disagreements(given: Sequence[Prediction], shadow: Sequence[Prediction]) -> None:
    """Count where the shadow's labels differ from those given for the same sentences."""
    SHADOW.inc(len(shadow))
    for head in HEADS:
        differ = (getattr(a, head) != getattr(b, head) for a, b in zip(given, shadow, strict=True))
        SHADOW_DISAGREEMENTS.labels(head).inc(sum(differ))


def corrected(stance: Stance | None, sentiment: Sentiment | None) -> None:
    """Count a correction that was kept."""
    for head, label in (("stance", stance), ("sentiment", sentiment)):
        if label is not None:
            CORRECTIONS.labels(head, label.value).inc()


def production(model: Manifest, before: Manifest | None = None) -> None:
    """Tell which version answers now, and what its corpus was like."""
    if before is not None:
        PRODUCTION.labels(before.version).set(0)
    PRODUCTION.labels(model.version).set(1)
    found = _reference(model)
    # A series cannot be taken away again, so what the version before told becomes no number.
    gone = dict.fromkeys(_reference(before) if before else (), float("nan"))
    for place, value in (gone | found).items():
        gauge = REFERENCE_TOKENS if place is None else REFERENCE_SHARE.labels(*place)
        gauge.set(value)


def _reference(model: Manifest) -> dict[tuple[str, str] | None, float]:
    """Return what a version tells of its dev sentences.

    By head and label the label's share, by None the mean tokens; less where it tells less.
    """
    found: dict[tuple[str, str] | None, float] = {}
    dev = model.metrics.get("dev", {})
    with suppress(KeyError, TypeError):
        found[None] = float(dev["mean_tokens"])
    for head, labels in HEADS.items():
        with suppress(KeyError, TypeError):
            figures = dev[head]
            for label in labels:
                share = figures["per_class"][label]["support"] / figures["sentences"]
                found[head, label] = share
    return found
