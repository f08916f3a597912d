"""The version's graph for onnxruntime: full with fused attention, and its three kinds of int8."""

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnx import TensorProto
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers import optimizer
from torch import Tensor, nn

from benchmarks.engines.batches import Ids
from training import network


class _Logits(nn.Module):
    def __init__(self, whole: network.Network) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        output = self.whole(input_ids, attention_mask)
        return output["stance"], output["sentiment"]


def write(version: Path, folder: Path, calibration: Sequence[Ids]) -> None:
    """Write `full.onnx`, `tensor.onnx`, `channel.onnx` and `static.onnx` into `folder`.

    `full` is in float32, its attention and norms fused by onnxruntime's own optimiser. The
    next two are that with weights quantised per tensor or per channel and activations as they
    come; `static` is per channel with ranges set by `calibration`, which the fused operations
    do not know.
    """
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "plain.onnx"
        whole = network.version(version, dropout=0.0).network.eval()
        _export(whole, plain)
        config: Any = whole.encoder.config
        fused = optimizer.optimize_model(
            str(plain),
            "bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
        )
        full = folder / "full.onnx"
        fused.save_model_to_file(str(full))
        for name, per_channel in (("tensor", False), ("channel", True)):
            quantize_dynamic(
                full,
                folder / f"{name}.onnx",
                weight_type=QuantType.QInt8,
                per_channel=per_channel,
                # Of what comes out of the fused operations, whose types onnx cannot infer.
                extra_options={"DefaultTensorType": TensorProto.FLOAT},
            )
        ready = Path(scratch) / "ready.onnx"
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            folder / "static.onnx",
            _Reader(calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gemm"],
        )


def _export(whole: network.Network, path: Path) -> None:
    # Written out, attention is what the optimiser looks for.
    whole.encoder.set_attn_implementation("eager")  # type: ignore[operator]
    example = (
        torch.tensor([[2, 7, 5, 3], [2, 6, 3, 0]]),
        torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]),
    )
    axes = {0: "sentences", 1: "tokens"}
    with warnings.catch_warnings():
        # Of branches on shapes; that the graph is right is measured.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Logits(whole),
            example,
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["stance", "sentiment"],
            dynamic_axes={
                "input_ids": axes,
                "attention_mask": axes,
                "stance": {0: "sentences"},
                "sentiment": {0: "sentences"},
            },
            opset_version=17,
            dynamo=False,
        )


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, sentences: Sequence[Ids]) -> None:
        self._items: Iterator[dict[str, Any]] = (
            {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
            for ids in sentences
        )

    def get_next(self) -> dict[str, Any] | None:
        """Return one sentence; None after the last."""
        return next(self._items, None)
