"""One epoch of transformers' Trainer: with its defaults, or set as its guides advise for speed."""

import argparse
import json
import os
import tempfile
from pathlib import Path

import torch
from datasets import Dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
)

TUNED = {
    "per_device_train_batch_size": 16,
    "bf16": os.environ["STANCE_NUMBERS"] == "bfloat16",
    "train_sampling_strategy": "group_by_length",
}


def epoch(weights: Path, file: Path, tuned: bool) -> float:
    """Return the seconds of an epoch on labelled JSON Lines."""
    tokenizer = AutoTokenizer.from_pretrained(weights)
    model = AutoModelForSequenceClassification.from_pretrained(weights, trust_remote_code=True)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    encoded = tokenizer([row["text"] for row in rows], truncation=True)
    labels = [model.config.label2id[row["stance"]] for row in rows]
    data = Dataset.from_dict({**encoded, "labels": labels})
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            num_train_epochs=1,
            use_cpu=True,
            save_strategy="no",
            report_to="none",
            **(TUNED if tuned else {}),
        )
        trainer = Trainer(model, settings, train_dataset=data, processing_class=tokenizer)
        return float(trainer.train().metrics["train_runtime"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="what weights.convert wrote")
    parser.add_argument("--input", type=Path, required=True, help="text, stance and sentiment")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--tuned", action="store_true", help="set for speed")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps({"seconds": epoch(arguments.weights, arguments.input, arguments.tuned)}))
