"""A Hugging Face folder, read without its libraries: config.json and model.safetensors."""
import json
import struct
from pathlib import Path

import numpy as np
import torch

_DTYPES = {"F32": "<f4", "F64": "<f8"}
_SPELLINGS = (("conv.weight_g", "conv.parametrizations.weight.original0"),
              ("conv.weight_v", "conv.parametrizations.weight.original1"))


def read_config(folder):
    return json.loads((Path(folder) / "config.json").read_text())


def normalizes(folder):
    """Whether the checkpoint wants waveforms of mean 0 and variance 1."""
    return json.loads((Path(folder) / "preprocessor_config.json").read_text())["do_normalize"]


def read_tensors(folder, dtype=torch.float32):
    """Every tensor by its name, in one spelling of the weight norm and without a head model's prefix."""
    path = Path(folder) / "model.safetensors"
    raw = np.memmap(path, mode="r")
    size, = struct.unpack("<Q", raw[:8].tobytes())
    header = json.loads(raw[8:8 + size].tobytes())
    header.pop("__metadata__", None)
    values = raw[8 + size:]
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        value = np.frombuffer(values[first:last], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
        name = name.removeprefix("wavlm.")
        for old, new in _SPELLINGS:
            name = name.replace(old, new)
        tensors[name] = torch.tensor(value, dtype=dtype)   # a copy: PyTorch wants aligned and writable memory
    return tensors
