"""The graph that is served, made from a trained network."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from claimstance import bundle
from training.network import Network

# After claimstance, whose engine keeps it from reporting its use.
import openvino  # isort:skip


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
    ids = torch.tensor([[2, 7, 5, 3], [2, 6, 3, 0]])
    example = {"input_ids": ids, "attention_mask": torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])}
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
    graph.validate_nodes_and_infer_types()
    openvino.save_model(graph, folder / bundle.GRAPH, compress_to_fp16=True)
