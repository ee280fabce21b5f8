"""torchaudio's WavLM. It takes no padded batch: with lengths its attention refuses its own mask."""
import torch
import torchaudio

from checkpoint import read_tensors
from torch_engine import TorchEngine


def load(model, threads, precision, device):
    if not hasattr(torchaudio.models, "wavlm_model"):
        raise ValueError(f"torchaudio {torchaudio.__version__} has no WavLM")
    return TorchaudioEngine(model, threads, precision, device)


class TorchaudioEngine(TorchEngine):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.module = build(self.config)
        self.module.load_state_dict(torchaudio_names(read_tensors(self.model), self.module.state_dict()))
        self.module = self.module.to(self.device, self.dtype).eval()
        self.name = f"torchaudio {torchaudio.__version__}, PyTorch {torch.__version__}"

    def prepare(self, utterances):
        lengths = [len(x) for x in utterances]
        if len(set(lengths)) > 1:
            raise ValueError(f"torchaudio {torchaudio.__version__} takes no padded batch of WavLM's")
        return {"waveforms": self.waveforms(utterances), "lengths": lengths}

    def forward(self, inputs):
        return self.module(self.to_device(inputs["waveforms"]))[0]   # after the final norm


def build(config):
    return torchaudio.models.wavlm_model(
        extractor_mode="layer_norm" if config["feat_extract_norm"] == "layer" else "group_norm",
        extractor_conv_layer_config=list(zip(config["conv_dim"], config["conv_kernel"], config["conv_stride"])),
        extractor_conv_bias=config["conv_bias"],
        encoder_embed_dim=config["hidden_size"],
        encoder_projection_dropout=0.0,
        encoder_pos_conv_kernel=config["num_conv_pos_embeddings"],
        encoder_pos_conv_groups=config["num_conv_pos_embedding_groups"],
        encoder_num_layers=config["num_hidden_layers"],
        encoder_num_heads=config["num_attention_heads"],
        encoder_num_buckets=config["num_buckets"],
        encoder_max_distance=config["max_bucket_distance"],
        encoder_attention_dropout=0.0,
        encoder_ff_interm_features=config["intermediate_size"],
        encoder_ff_interm_dropout=0.0,
        encoder_dropout=0.0,
        encoder_layer_norm_first=config["do_stable_layer_norm"],
        encoder_layer_drop=0.0,
        aux_num_out=None)


def torchaudio_names(tensors, expected):
    """q, k and v stand in one matrix, and everything behind the front end lies one or two names deeper."""
    renamed = {}
    for name, value in tensors.items():
        if name == "masked_spec_embed" or ".q_proj." in name or ".k_proj." in name or ".v_proj." in name:
            continue
        name = name.replace("feature_projection.", "encoder.feature_projection.") if name.startswith("feature_projection.") else name
        name = "encoder.transformer." + name[len("encoder."):] if name.startswith(("encoder.layer", "encoder.pos_conv")) else name
        renamed[name.replace(".attention.out_proj.", ".attention.attention.out_proj.")] = value
    for name in [name for name in tensors if ".q_proj." in name]:
        rows = torch.cat([tensors[name.replace(".q_proj.", f".{part}_proj.")] for part in "qkv"])
        layer, kind = name[len("encoder."):].split(".q_proj.")
        renamed[f"encoder.transformer.{layer}.attention.in_proj_{kind}"] = rows
    weight_norm = "encoder.transformer.pos_conv_embed.conv."
    if weight_norm + "weight_g" in expected:   # the older of its two spellings
        for new, old in (("parametrizations.weight.original0", "weight_g"), ("parametrizations.weight.original1", "weight_v")):
            renamed[weight_norm + old] = renamed.pop(weight_norm + new)
    return renamed
