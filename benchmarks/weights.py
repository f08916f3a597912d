"""A model version's stance head as a folder that transformers loads: the rivals' weights.

The rivals compute one head of two, which favours them.
"""

import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from benchmarks.processes import BenchmarkFailed
from claimstance import bundle
from claimstance.labels import STANCES

CODE = Path(__file__).parent / "rivals" / "mean_pooled.py"


def convert(version: Path, folder: Path) -> Path:
    """Write the stance classifier of the model version in `version` into `folder`; return it.

    Full precision; the temperature is folded into the head, so that the scores are the
    version's own. The tokenizer cuts where the version does.

    Raises:
        ModelNotFound, ModelInvalid: there is no such version, or it is damaged.
        BenchmarkFailed: its encoder is none that the rivals' class can hold.
    """
    manifest = bundle.read_manifest(version)
    bundle.check_files(version, manifest)
    config = json.loads((version / bundle.ENCODER).read_text(encoding="utf-8"))
    if config["model_type"] != "bert":
        raise BenchmarkFailed(f"the rivals take BERT encoders, not {config['model_type']}")
    folder.mkdir(parents=True, exist_ok=True)
    weights = {}
    for name, value in load_file(version / bundle.WEIGHTS).items():
        if name.startswith("encoder."):
            weights[f"bert.{name.removeprefix('encoder.')}"] = value.astype(np.float32)
        elif name.startswith("stance."):
            scaled = value.astype(np.float32) / np.float32(manifest.stance.temperature)
            weights[f"classifier.{name.removeprefix('stance.')}"] = scaled
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config |= {
        "architectures": ["MeanPooledForSequenceClassification"],
        "auto_map": {
            "AutoModelForSequenceClassification": f"{CODE.stem}.MeanPooledForSequenceClassification"
        },
        "id2label": {str(index): str(label) for index, label in enumerate(STANCES)},
        "label2id": {str(label): index for index, label in enumerate(STANCES)},
        "dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    shutil.copy(CODE, folder)
    shutil.copy(version / bundle.TOKENIZER, folder)
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": manifest.max_tokens,
        "model_input_names": ["input_ids", "attention_mask"],
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return folder
