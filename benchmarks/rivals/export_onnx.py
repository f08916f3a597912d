"""Write the weights' ONNX graph, in full precision and dynamically quantised, as tutorials do."""

import sys
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModelForSequenceClassification


class _Logits(torch.nn.Module):
    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def export(weights: Path) -> None:
    """Write `onnx/model.onnx` and `onnx/model_int8.onnx` into the folder `weights`."""
    folder = weights / "onnx"
    folder.mkdir(exist_ok=True)
    model = AutoModelForSequenceClassification.from_pretrained(weights, trust_remote_code=True)
    example = (
        torch.tensor([[101, 2054, 102], [101, 102, 0]]),
        torch.tensor([[1, 1, 1], [1, 1, 0]]),
    )
    axes = {0: "sentences", 1: "tokens"}
    torch.onnx.export(
        _Logits(model.eval()),
        example,
        folder / "model.onnx",
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "logits": {0: "sentences"}},
        opset_version=17,
        dynamo=False,
    )
    quantize_dynamic(
        folder / "model.onnx",
        folder / "model_int8.onnx",
        weight_type=QuantType.QInt8,
        per_channel=True,
    )


if __name__ == "__main__":
    export(Path(sys.argv[1]))
