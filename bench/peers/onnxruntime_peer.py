"""ONNX Runtime's Python package, on the device's own execution provider."""
import numpy as np
import onnxruntime

from checkpoint import normalizes, read_config
from export_onnx import graph_of
from speech import normalized


def load(model, threads, precision, device):
    return OnnxRuntimeEngine(model, threads, precision, device)


class OnnxRuntimeEngine:
    def __init__(self, model, threads, precision, device):
        if precision != "fp32":
            raise ValueError(f"precision {precision}: this peer computes in fp32 alone")
        provider = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}[device]
        if provider not in onnxruntime.get_available_providers():
            raise ValueError(f"onnxruntime {onnxruntime.__version__} has no {provider}: {', '.join(onnxruntime.get_available_providers())}")
        self.layers = read_config(model)["num_hidden_layers"]
        self.normalizes = normalizes(model)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.enable_mem_pattern = False   # lengths rarely repeat
        self.session = onnxruntime.InferenceSession(str(graph_of(model)), options, providers=[provider])
        if provider not in self.session.get_providers():
            raise ValueError(f"onnxruntime {onnxruntime.__version__} could not start its {provider}")
        self.stands_in = None
        self.name = f"onnxruntime {onnxruntime.__version__}, {provider}"

    def batches(self, lengths):
        return [[i] for i in range(len(lengths))]

    def prepare(self, utterances):
        if self.normalizes:
            utterances = normalized(utterances)
        padded = np.zeros((len(utterances), max(map(len, utterances))), np.float32)
        for row, utterance in zip(padded, utterances):
            row[:len(utterance)] = utterance
        return {"waveforms": padded, "lengths": [len(x) for x in utterances]}

    def encode(self, batches):
        return [self.session.run(None, {"waveforms": inputs["waveforms"]})[0] for inputs in batches]

    def rows(self, inputs, features):
        return [row[:(n - 400) // 320 + 1] for row, n in zip(features, inputs["lengths"])]

    def release(self):
        """Nothing is kept."""
