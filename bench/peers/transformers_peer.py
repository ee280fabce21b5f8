"""Hugging Face transformers as its users run it: feature extractor, padded batch, attention mask, last_hidden_state.

last_hidden_state comes after Large's final norm in every version; hidden_states[-1] does so up to 5.15 alone.
"""
import torch
import transformers

from torch_engine import TorchEngine


def load(model, threads, precision, device, attention, compiled=False):
    return TransformersEngine(model, threads, precision, device, attention, compiled)


class TransformersEngine(TorchEngine):
    def __init__(self, model, threads, precision, device, attention, compiled):
        super().__init__(model, threads, precision, device)
        transformers.logging.set_verbosity_error()
        self.extractor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(model)
        self.module = transformers.WavLMModel.from_pretrained(model, attn_implementation=attention).to(self.device, self.dtype).eval()
        if compiled:
            if not hasattr(self.module, "compile"):
                raise ValueError(f"PyTorch {torch.__version__} has no torch.compile")
            # Region by region: the layers share one compilation, where the whole model would take minutes.
            for region in (self.module.feature_extractor, *self.module.encoder.layers):
                region.compile()
        self.name = f"transformers {transformers.__version__}, PyTorch {torch.__version__}, attention {attention}" + (", torch.compile" if compiled else "")

    def prepare(self, utterances):
        lengths = [len(x) for x in utterances]
        made = self.extractor(utterances, sampling_rate=16_000, padding=True, return_attention_mask=True, return_tensors="pt")
        inputs = {"input_values": self.pinned(made["input_values"].to(self.dtype)), "lengths": lengths}
        if len(set(lengths)) > 1:   # where nothing is padded there is nothing to hide: faster, and the same features
            inputs["attention_mask"] = self.pinned(made["attention_mask"])
        return inputs

    def forward(self, inputs):
        tensors = {name: self.to_device(value) for name, value in inputs.items() if name != "lengths"}
        return self.module(**tensors).last_hidden_state
