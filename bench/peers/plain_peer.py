"""wavlm_torch.py as it stands: the reference in float32, and what plain PyTorch gives without a library."""
from torch_engine import TorchEngine
from wavlm_torch import load as load_module


def load(model, threads, precision, device):
    return PlainEngine(model, threads, precision, device)


class PlainEngine(TorchEngine):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.module = load_module(self.model).to(self.device, self.dtype)

    def prepare(self, utterances):
        return {"waveforms": self.waveforms(utterances), "lengths": [len(x) for x in utterances]}

    def forward(self, inputs):
        return self.module(self.to_device(inputs["waveforms"]))
