"""Writes the module as an ONNX graph with free batch and length: export_onnx.py MODEL_FOLDER GRAPH.onnx"""
import inspect
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def graph_of(model):
    """Beside the checkpoint; made where it is missing or older, in a process of its own: PyTorch and its threads shall not live on."""
    model = Path(model)
    graph = model / "model.onnx"
    sources = [model / "model.safetensors", *(HERE / name for name in ("checkpoint.py", "wavlm_torch.py", "export_onnx.py"))]
    if not graph.exists() or graph.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        unfinished = graph.with_suffix(".unfinished")
        done = subprocess.run([sys.executable, __file__, model, unfinished], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise ValueError(f"no graph of {model}: {done.stderr.strip().splitlines()[-1]}")
        unfinished.rename(graph)
    return graph


def export(folder, path):
    import torch

    from checkpoint import read_config
    from wavlm_torch import load

    layer = read_config(folder)["num_hidden_layers"]
    waveforms = torch.randn(2, 16_000)
    # The tracing exporter: its patterns are the ones that ONNX Runtime fuses.
    tracing = {"dynamo": False} if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    with torch.no_grad():
        torch.onnx.export(load(folder), waveforms, path, opset_version=17, do_constant_folding=True,
                          input_names=["waveforms"], output_names=[f"hidden_state_{layer}"],
                          dynamic_axes={"waveforms": {0: "utterances", 1: "samples"}}, **tracing)


if __name__ == "__main__":
    export(*sys.argv[1:])
