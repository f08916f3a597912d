"""The graph that is served, made from a trained network."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from claimstance import bundle
from training.network import EXAMPLE, Network

# After claimstance, whose engine keeps it from reporting its use.
import openvino  # isort:skip
from openvino import opset8 as ops  # isort:skip

GATES = ("Gelu", "Swish")
"""The operations that a gated layer's gate ends in."""

LIMIT = 1e30
"""A bound that no value inside an encoder reaches."""


class _Served(nn.Module):
    """The network with its outputs in a fixed order, as tracing needs."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return stance and sentiment logits."""
        output = self.network(input_ids, attention_mask)
        return output["stance"], output["sentiment"]


def export(network: Network, folder: Path) -> None:
    """Write the network's graph into `folder`, weights in half precision.

    Inputs `input_ids` and `attention_mask`, int64, (sentences, tokens), both sizes free; outputs
    `stance` and `sentiment`, float32 logits, (sentences, 3).
    """
    network = network.cpu().eval()
    example = dict(zip(("input_ids", "attention_mask"), EXAMPLE, strict=True))
    with torch.no_grad(), warnings.catch_warnings():
        # The tracer warns of branches on shapes that are the same for every input here, and
        # touches deprecated attributes; that the graph is right is measured on real sentences.
        warnings.simplefilter("ignore")
        graph = openvino.convert_model(_Served(network), example_input=example)
    for port in graph.inputs:
        name = "input_ids" if "input_ids" in port.get_names() else "attention_mask"
        port.get_node().set_partial_shape(openvino.PartialShape([-1, -1]))
        port.get_node().set_element_type(openvino.Type.i64)
        port.get_tensor().set_names({name})
    for port, name in zip(graph.outputs, ("stance", "sentiment"), strict=True):
        port.get_tensor().set_names({name})
    _keep_gates_apart(graph)
    if network.local:
        _let_padding_attend(graph)
    graph.validate_nodes_and_infer_types()
    openvino.save_model(graph, folder / bundle.GRAPH, compress_to_fp16=True)


def _keep_gates_apart(graph: openvino.Model) -> None:
    """Keep gated layers (GeGLU, SwiGLU) from being computed by one operation of the engine.

    It fails on one thread in bfloat16. It is not used where a bound stands before the product.
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() != "Multiply":
            continue
        sides = {
            port.get_source_output().get_node().get_type_name(): port for port in node.inputs()
        }
        if sides.keys() & {"Gelu", "Swish"}:
            for kind, port in sides.items():
                if kind not in ("Gelu", "Swish"):
                    bounded = ops.clamp(port.get_source_output(), -LIMIT, LIMIT)
                    port.replace_source_output(bounded.output(0))


def _let_padding_attend(graph: openvino.Model) -> None:
    """Let a token that would attend to none attend to all: else it is no number, and spreads.

    In a layer of local attention, that is padding far from the sentence's end.
    """
    masks = {}
    for node in graph.get_ordered_ops():
        if node.get_type_name() == "ScaledDotProductAttention":
            port = node.input(3)
            mask = port.get_source_output()
            key = (mask.get_node().get_friendly_name(), mask.get_index())
            if key not in masks:
                lost = ops.logical_not(ops.reduce_logical_or(mask, [-1], keep_dims=True))
                masks[key] = ops.logical_or(mask, lost)
            port.replace_source_output(masks[key].output(0))
