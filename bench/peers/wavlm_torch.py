"""WavLM as one PyTorch module, the way one would hand it to a runtime: whatever can be done once is done at load.

Folded here: weight norm, 1/sqrt(d) into q, the sums in fours under the gate's sigmoids, the buckets into one bias per
distance. What is left for every call are dense products, norms, GELU and softmax, all of them shapes that runtimes fuse.
Base's flavour (group norm, post-norm) and Large's (layer norms, pre-norm); convolutions have no bias in either.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

from checkpoint import read_config, read_tensors


def load(folder):
    config = read_config(folder)
    if config["conv_bias"] or (config["feat_extract_norm"] == "layer") != config["do_stable_layer_norm"]:
        raise ValueError(f"{folder}: the comparison is for Base's flavour (group norm, post-norm) and Large's (layer norm, pre-norm), "
                         "convolutions without bias")
    return WavLM(config, read_tensors(folder)).eval().requires_grad_(False)


class WavLM(nn.Module):
    """[utterances, samples] -> the last hidden state, [utterances, frames, width], after the final norm where there is one.

    Utterances are of one length, or padded without anything that hides the padding.
    """

    def __init__(self, config, tensors):
        super().__init__()
        eps = config["layer_norm_eps"]
        self.windows = list(zip(config["conv_kernel"], config["conv_stride"]))
        self.pre_norm = config["do_stable_layer_norm"]
        self.front_end = ConvFrontEnd(config, under(tensors, "feature_extractor.conv_layers"))
        self.feature_norm = layer_norm(under(tensors, "feature_projection.layer_norm"), eps)
        self.projection = linear(under(tensors, "feature_projection.projection"))
        self.positions = PositionalConv(config, under(tensors, "encoder.pos_conv_embed.conv"))
        self.norm = layer_norm(under(tensors, "encoder.layer_norm"), eps)
        self.bias = RelativeBias(config, tensors["encoder.layers.0.attention.rel_attn_embed.weight"])
        self.layers = nn.ModuleList(Layer(config, under(tensors, f"encoder.layers.{i}")) for i in range(config["num_hidden_layers"]))

    def forward(self, waveforms):
        x = self.front_end(waveforms).transpose(1, 2)   # [utterances, frames, conv width]
        x = self.projection(self.feature_norm(x))       # [utterances, frames, width]
        x = x + self.positions(x)
        if not self.pre_norm:
            x = self.norm(x)
        attend = BiasedSoftmax(self.bias(x.shape[1]))
        for layer in self.layers:
            x = layer(x, attend)
        return self.norm(x) if self.pre_norm else x

    def frames(self, samples):
        for kernel, stride in self.windows:
            samples = (samples - kernel) // stride + 1
        return samples


class ConvFrontEnd(nn.Module):
    def __init__(self, config, tensors):
        super().__init__()
        self.convs = nn.ModuleList()
        for i, stride in enumerate(config["conv_stride"]):
            weight = tensors[f"{i}.conv.weight"]
            conv = nn.Conv1d(weight.shape[1], weight.shape[0], weight.shape[2], stride, bias=False)
            conv.weight.data = weight
            self.convs.append(conv)
        # eps is 1e-5 here whatever the config says.
        if config["feat_extract_norm"] == "group":      # over time, a channel at a time, behind the first convolution alone
            channels = len(tensors["0.layer_norm.weight"])
            self.norms = nn.ModuleList([with_values(nn.GroupNorm(channels, channels), under(tensors, "0.layer_norm"))])
        else:
            self.norms = nn.ModuleList(ChannelNorm(under(tensors, f"{i}.layer_norm")) for i in range(len(self.convs)))

    def forward(self, waveforms):
        x = waveforms[:, None]
        for i, conv in enumerate(self.convs):
            x = conv(x)
            x = F.gelu(self.norms[i](x) if i < len(self.norms) else x)
        return x


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of [utterances, channels, frames]."""

    def __init__(self, tensors):
        super().__init__()
        self.norm = layer_norm(tensors, 1e-5)

    def forward(self, x):
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class PositionalConv(nn.Module):
    def __init__(self, config, tensors):
        super().__init__()
        gain, direction = tensors["parametrizations.weight.original0"], tensors["parametrizations.weight.original1"]
        width, _, kernel = direction.shape
        self.even = kernel % 2 == 0
        self.conv = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=config["num_conv_pos_embedding_groups"])
        self.conv.weight.data = gain * direction / direction.norm(dim=(0, 1), keepdim=True)
        self.conv.bias.data = tensors["bias"]

    def forward(self, x):
        y = self.conv(x.transpose(1, 2))
        if self.even:                                   # such a kernel gives one frame too many
            y = y[:, :, :-1]
        return F.gelu(y).transpose(1, 2)


class RelativeBias(nn.Module):
    """bias[head, i, j] depends on j - i alone, and no more on it beyond max_bucket_distance: a short table per head."""

    def __init__(self, config, embedding):
        super().__init__()
        self.reach = config["max_bucket_distance"]
        distance = torch.arange(-self.reach, self.reach + 1)
        self.register_buffer("table", embedding[self.bucket(distance, config["num_buckets"])].T.contiguous())

    def bucket(self, distance, buckets):
        """Half of the buckets for keys to the right; of each half, half are exact and half logarithmic (in float32)."""
        half, exact = buckets // 2, buckets // 4
        size = distance.abs()
        far = torch.log(size.float().clamp(min=1) / exact) / math.log(self.reach / exact) * (half - exact)
        far = (exact + far.long()).clamp(max=half - 1)
        return (distance > 0) * half + torch.where(size < exact, size, far)

    def forward(self, frames):
        frame = torch.arange(frames, device=self.table.device)
        distance = (frame[None, :] - frame[:, None]).clamp(-self.reach, self.reach)
        return self.table[:, distance + self.reach]


class BiasedSoftmax:
    """softmax(q k' + gate * bias) v, written out. q, k, v [utterances, heads, frames, d], gate [utterances, heads, frames]."""

    def __init__(self, bias):
        self.bias = bias

    def __call__(self, q, k, v, gate):
        return torch.softmax(q @ k.transpose(2, 3) + gate[..., None] * self.bias, -1) @ v


class Layer(nn.Module):
    """`attend` takes q, k, v and the gate: the attention proper is the caller's choice."""

    def __init__(self, config, tensors):
        super().__init__()
        eps = config["layer_norm_eps"]
        self.pre_norm = config["do_stable_layer_norm"]
        self.attention = Attention(config["num_attention_heads"], under(tensors, "attention"))
        self.attention_norm = layer_norm(under(tensors, "layer_norm"), eps)
        self.expand = linear(under(tensors, "feed_forward.intermediate_dense"))
        self.contract = linear(under(tensors, "feed_forward.output_dense"))
        self.norm = layer_norm(under(tensors, "final_layer_norm"), eps)

    def forward(self, x, attend):
        if self.pre_norm:
            x = x + self.attention(self.attention_norm(x), attend)
            return x + self.contract(F.gelu(self.expand(self.norm(x))))
        x = self.attention_norm(x + self.attention(x, attend))
        return self.norm(x + self.contract(F.gelu(self.expand(x))))


class Attention(nn.Module):
    def __init__(self, heads, tensors):
        super().__init__()
        self.heads = heads
        q = under(tensors, "q_proj")
        scale = (len(q["bias"]) // heads) ** -0.5
        self.q = linear({part: value * scale for part, value in q.items()})
        self.k, self.v, self.out = (linear(under(tensors, f"{name}_proj")) for name in ("k", "v", "out"))
        # Every head has the same two columns; side by side in one matrix they are a plain product, which every runtime does well.
        columns = tensors["gru_rel_pos_linear.weight"].view(2, 4, -1).sum(1)
        self.gates = linear({"weight": torch.cat([torch.block_diag(*[column[None]] * heads) for column in columns]),
                             "bias": tensors["gru_rel_pos_linear.bias"].view(2, 4).sum(1).repeat_interleave(heads)})
        self.register_buffer("strength", tensors["gru_rel_pos_const"].view(heads))

    def forward(self, x, attend):
        q, k, v = (projection(x).view(*x.shape[:2], self.heads, -1).transpose(1, 2) for projection in (self.q, self.k, self.v))
        a, c = torch.sigmoid(self.gates(x)).chunk(2, -1)                        # [utterances, frames, heads]
        gate = (a * (c * self.strength - 1) + 2).transpose(1, 2)                # [utterances, heads, frames]
        return self.out(attend(q, k, v, gate).transpose(1, 2).flatten(2))


def under(tensors, prefix):
    return {name[len(prefix) + 1:]: value for name, value in tensors.items() if name.startswith(prefix + ".")}


def linear(tensors):
    width_out, width_in = tensors["weight"].shape
    layer = nn.utils.skip_init(nn.Linear, width_in, width_out)
    layer.weight.data, layer.bias.data = tensors["weight"], tensors["bias"]
    return layer


def layer_norm(tensors, eps):
    return with_values(nn.LayerNorm(len(tensors["weight"]), eps), tensors)


def with_values(norm, tensors):
    norm.weight.data, norm.bias.data = tensors["weight"], tensors["bias"]
    return norm
