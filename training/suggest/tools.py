"""Import files of annotation tools: each sentence with the model's guesses, to accept or correct.

A guess is never written where a tool keeps what an annotator said, so that an export tells the
two apart. doccano alone has no place for guesses: there they are labels, with one more label that
says so and that `training.imports.doccano` heeds.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from training.evaluate import HEADS
from training.imports.doccano import UNCHECKED
from training.suggest.suggestion import Suggestion

Rows = list[dict[str, Any]]

QUESTIONS = {"stance": "Stance on the sovereignty claim", "sentiment": "Sentiment"}
"""What annotators are asked, by head."""


def label_studio(suggestions: Sequence[Suggestion]) -> str:
    """Return tasks with predictions, as Label Studio's JSON import takes them."""
    return _array(
        [
            {
                "data": {"text": s.text, **_about(s)},
                "predictions": [
                    {
                        "model_version": s.model,
                        "score": min(score for _, score in _guesses(s).values()),
                        "result": [
                            {
                                "id": f"{s.id}-{head}",
                                "from_name": head,
                                "to_name": "text",
                                "type": "choices",
                                "score": score,
                                "value": {"choices": [label]},
                            }
                            for head, (label, score) in _guesses(s).items()
                        ],
                    }
                ],
            }
            for s in suggestions
        ]
    )


def label_studio_view(_: Sequence[Suggestion]) -> str:
    """Return the labelling interface that goes with `label_studio`, as XML."""
    lines = ["<View>", '  <Text name="text" value="$text"/>']
    for head, question in QUESTIONS.items():
        lines.append(f"  <Header value={quoteattr(question)}/>")
        lines.append(
            f'  <Choices name="{head}" toName="text" choice="single-radio" required="true"'
            ' showInline="true">'
        )
        lines += [f'    <Choice value="{label}"/>' for label in HEADS[head]]
        lines.append("  </Choices>")
    return "\n".join([*lines, "</View>", ""])


def doccano(suggestions: Sequence[Suggestion]) -> str:
    """Return JSON Lines for a doccano project of text classification with several labels."""
    return _lines(
        [{"text": s.text, "label": [*_named(s), UNCHECKED], **_about(s)} for s in suggestions]
    )


def prodigy(suggestions: Sequence[Suggestion]) -> str:
    """Return JSON Lines for Prodigy's `choice` interface, the guesses chosen beforehand."""
    options = [
        {"id": f"{head}:{label}", "text": f"{head}: {label}"}
        for head, labels in HEADS.items()
        for label in labels
    ]
    return _lines(
        [
            {
                "text": s.text,
                "id": s.id,
                "group": s.document,
                "options": options,
                "accept": _named(s),
                "config": {"choice_style": "multiple"},
                "meta": {"why": s.why, "model": s.model},
            }
            for s in suggestions
        ]
    )


def argilla(suggestions: Sequence[Suggestion]) -> str:
    """Return records with suggestions, as Argilla's `records.from_json` takes them."""
    return _array(
        [
            {
                "id": s.id,
                "fields": {"text": s.text},
                "metadata": {name: value for name, value in _about(s).items() if name != "id"},
                "suggestions": {
                    head: {"value": label, "score": score, "agent": s.model}
                    for head, (label, score) in _guesses(s).items()
                },
                "responses": {},
                "vectors": {},
            }
            for s in suggestions
        ]
    )


FILES: dict[str, Callable[[Sequence[Suggestion]], str]] = {
    "label_studio.json": label_studio,
    "label_studio.xml": label_studio_view,
    "doccano.jsonl": doccano,
    "prodigy.jsonl": prodigy,
    "argilla.json": argilla,
}
"""What each file holds, by its name."""


def _about(s: Suggestion) -> dict[str, str]:
    """Return what comes back with a label: the sentence's id, its document, why it was chosen."""
    return {"id": s.id, "group": s.document, "why": s.why, "model": s.model}


def _guesses(s: Suggestion) -> dict[str, tuple[str, float]]:
    return {
        "stance": (s.stance, round(s.stance_score, 4)),
        "sentiment": (s.sentiment, round(s.sentiment_score, 4)),
    }


def _named(s: Suggestion) -> list[str]:
    """Return the guesses with their heads, for tools with one list of labels."""
    return [f"{head}:{label}" for head, (label, _) in _guesses(s).items()]


def _array(rows: Rows) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def _lines(rows: Rows) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
