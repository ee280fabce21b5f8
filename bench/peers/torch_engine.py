"""What the PyTorch peers have in common: device, precision, the clock's two ends, and the way of features to the host."""
from pathlib import Path

import numpy as np
import torch

from checkpoint import normalizes, read_config
from speech import normalized

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}

FEW_BATCHES = 16   # up to so many, cuDNN tries its algorithms for each shape, once; trying them for 64 lengths would take longer than all runs


class TorchEngine:
    """A subclass prepares a batch, makes features of it on the device, and tells whose rows they are."""

    def __init__(self, model, threads, precision, device):
        if device == "cuda" and not torch.cuda.is_available():
            raise ValueError(f"PyTorch {torch.__version__} finds no CUDA device")
        torch.set_num_threads(threads)
        torch.backends.cudnn.allow_tf32 = False      # float32 is float32: the others are held against it
        torch.backends.cuda.matmul.allow_tf32 = False
        self.model, self.config, self.normalizes = Path(model), read_config(model), normalizes(model)
        self.device, self.dtype = torch.device(device), DTYPES[precision]
        self.layers = self.config["num_hidden_layers"]
        self.stands_in = None   # why it is not what its name says, and not to be timed
        self.name = f"PyTorch {torch.__version__}" + (f", {blas()}" if device == "cpu" else "")

    def batches(self, lengths):
        """Where the race asks for no padded batches: one by one, or all at once where they are of one length."""
        return [[i] for i in range(len(lengths))]

    def prepare(self, utterances):
        raise NotImplementedError

    def forward(self, inputs):
        raise NotImplementedError

    def rows(self, inputs, features):
        """[frames, width] of each utterance, from padded [utterances, frames, width]."""
        return [row[:self.frames(n)].float().numpy() for row, n in zip(features, inputs["lengths"])]

    def encode(self, batches):
        """From prepared batches in the host's memory to features in the host's memory."""
        torch.backends.cudnn.benchmark = len(batches) <= FEW_BATCHES
        with torch.inference_mode():
            features = [self.to_host(self.forward(inputs)) for inputs in batches]
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return features

    def to_host(self, features):
        if self.device.type == "cpu":
            return features
        host = torch.empty(features.shape, dtype=features.dtype, pin_memory=True)   # cached by PyTorch after the first time
        return host.copy_(features, non_blocking=True)

    def to_device(self, values):
        return values.to(self.device, non_blocking=True)

    def pinned(self, values):
        return values.pin_memory() if self.device.type == "cuda" else values

    def waveforms(self, utterances):
        """Normalised as the checkpoint's preprocessor says, padded with zeros, in the operands' type."""
        if self.normalizes:
            utterances = normalized(utterances)
        padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(np.array(x)) for x in utterances], batch_first=True)
        return self.pinned(padded.to(self.dtype))

    def frames(self, samples):
        for kernel, stride in zip(self.config["conv_kernel"], self.config["conv_stride"]):
            samples = (samples - kernel) // stride + 1
        return samples

    def release(self):
        """Other waveforms have other shapes: what is cached for the last ones is given back."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

def blas():
    """Debian's PyTorch takes whichever BLAS the system has: reference BLAS is slower by a factor of ten and more."""
    libraries = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "blas" in line}
    return "OpenBLAS" if any("openblas" in library for library in libraries) else "MKL" if torch.backends.mkl.is_available() else "no OpenBLAS"
