"""The model as a server of one's own holds it: torch, batches of similar length."""

import os

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

BATCH = 32


class Model:
    """The weights in the folder that `STANCE_WEIGHTS` names, on `STANCE_THREADS` threads.

    It computes in the type that `STANCE_NUMBERS` names.
    """

    def __init__(self) -> None:
        torch.set_num_threads(int(os.environ["STANCE_THREADS"]))
        folder = os.environ["STANCE_WEIGHTS"]
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForSequenceClassification.from_pretrained(
            folder, trust_remote_code=True, dtype=getattr(torch, os.environ["STANCE_NUMBERS"])
        ).eval()

    @torch.inference_mode()
    def classify(self, sentences: list[str]) -> list[dict[str, object]]:
        """Return each sentence's label and score, in order."""
        order = sorted(range(len(sentences)), key=lambda row: len(sentences[row]))
        answers: list[dict[str, object]] = [{}] * len(sentences)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            batch = self._tokenizer(
                [sentences[row] for row in rows],
                padding=True,
                truncation=True,
                return_tensors="pt",
            )
            best = self._model(**batch).logits.float().softmax(1).max(1)
            for row, score, label in zip(
                rows, best.values.tolist(), best.indices.tolist(), strict=True
            ):
                answers[row] = {"label": self._model.config.id2label[label], "score": score}
        return answers
