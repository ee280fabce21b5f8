"""Writes the module as an ONNX graph with free batch and length: export_onnx.py MODEL_FOLDER GRAPH.onnx"""
import sys

import torch

from checkpoint import read_config
from wavlm_torch import load


def export(folder, path):
    layer = read_config(folder)["num_hidden_layers"]
    waveforms = torch.randn(2, 16_000)
    with torch.no_grad():
        torch.onnx.export(load(folder), waveforms, path, opset_version=17, do_constant_folding=True,
                          input_names=["waveforms"], output_names=[f"hidden_state_{layer}"],
                          dynamic_axes={"waveforms": {0: "utterances", 1: "samples"}})


if __name__ == "__main__":
    export(*sys.argv[1:])
