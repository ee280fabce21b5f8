"""wavlm_torch.py rebuilt for the GPU: FlexAttention computes gate and bias inside the attention kernel, torch.compile fuses the rest.

The strongest that we could make of PyTorch. Everything is in half precision, residual stream included (ours is float32: half of
its bytes are saved here). Utterances of one length are a batch; others lie end to end behind the front end, as documents that do
not see each other. Front end: sorted groups of utterances, frames x channels in memory, so that norms need no transposition;
padded frames are kept out of GroupNorm and set to zero, so padding changes nothing.

Without FlexAttention (PyTorch below 2.5) the same score_mod is applied to all pairs by hand: for correctness, and not timed.
"""
import torch
import torch.nn.functional as F

from torch_engine import TorchEngine
from wavlm_torch import load as load_module

try:
    from torch.nn.attention.flex_attention import BlockMask, flex_attention
except ImportError:
    flex_attention = None

GROUP = 8             # utterances of like length in the front end
PACK_FRAMES = 50_000  # in one pass through the layers: 64 x 15 s
BLOCK = 128           # frames; FlexAttention skips blocks in which no pair is of one document


def load(model, threads, precision, device):
    return FlexEngine(model, threads, precision, device)


class FlexEngine(TorchEngine):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.module = load_module(self.model).to(self.device, self.dtype)
        self.convs = [conv.weight[:, :, None].contiguous(memory_format=torch.channels_last) for conv in self.module.front_end.convs]
        self.table = self.module.bias.table.float()
        self.front_end, self.layer = front_end, layer
        if flex_attention is None:
            self.stands_in = f"PyTorch {torch.__version__} has no FlexAttention; with its score_mod applied by hand the features are right"
            return
        self.name = f"PyTorch {torch.__version__}, FlexAttention"
        if self.device.type == "cuda":
            for limit in ("recompile_limit", "cache_size_limit"):   # its name changed
                if hasattr(torch._dynamo.config, limit):
                    setattr(torch._dynamo.config, limit, 64)        # of one layer's code, compiled once a shape for all layers
            self.front_end = torch.compile(front_end)        # the second length makes the length a variable
            self.layer = torch.compile(layer, dynamic=False)
            self.name += ", torch.compile"

    def batches(self, lengths):
        """Packs of PACK_FRAMES at most, sorted by length: neighbours in the front end are padded little."""
        packs, room = [], 0
        for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
            if not packs or self.frames(lengths[i]) > room:
                packs.append([])
                room = PACK_FRAMES
            packs[-1].append(i)
            room -= self.frames(lengths[i])
        return packs

    def prepare(self, utterances):
        lengths = [len(x) for x in utterances]
        groups = [utterances[i:i + GROUP] for i in range(0, len(utterances), GROUP)]
        inputs = {"lengths": lengths, "groups": [self.prepare_group(group) for group in groups], "document": None, "mask": None}
        if len(set(lengths)) > 1:
            frames = [self.frames(n) for n in lengths]
            inputs["document"], starts = documents(frames)
            inputs["document"] = inputs["document"].to(self.device)
            if flex_attention is not None:
                inputs["mask"] = block_mask(inputs["document"], starts)
        return inputs

    def prepare_group(self, group):
        """Which frames are real: behind the first convolution (for GroupNorm), and at the end."""
        waveforms, lengths = self.waveforms(group), [len(x) for x in group]
        if len(set(lengths)) == 1:
            return {"waveforms": waveforms}
        kernel, stride = self.config["conv_kernel"][0], self.config["conv_stride"][0]
        first = real_frames([(n - kernel) // stride + 1 for n in lengths])
        last = real_frames([self.frames(n) for n in lengths])
        return {"waveforms": waveforms, "first": first.to(self.device), "last": last.to(self.device),
                "rows": last.flatten().nonzero()[:, 0].to(self.device)}

    def forward(self, inputs):
        groups = []
        for group in inputs["groups"]:
            x = self.front_end(self.module, self.convs, self.to_device(group["waveforms"]), group.get("first"), group.get("last"))
            groups.append(x.flatten(0, 1)[group["rows"]] if "rows" in group else x)
        document = inputs["document"]
        if document is None:
            x = torch.cat(groups)                                        # [utterances, frames, width]
        else:
            x = torch.cat([x.flatten(0, -2) for x in groups])            # end to end
            x = F.pad(x, (0, 0, 0, len(document) - len(x)))[None]        # [1, frames of the pack, width]
        for one in self.module.layers:
            x = self.layer(one, x, self.table, self.module.bias.reach, inputs["mask"], document)
        return self.module.norm(x) if self.module.pre_norm else x

    def rows(self, inputs, features):
        frames = [self.frames(n) for n in inputs["lengths"]]
        rows = features.float().flatten(0, 1)
        return [row.numpy() for row in rows[:sum(frames)].split(frames)]


def front_end(module, convs, waveforms, first, last):
    """[utterances, samples] -> [utterances, frames, width], positions added; frames that are padding are zero."""
    x = waveforms[:, None, None]                                         # [utterances, 1, 1, samples]
    norms = module.front_end.norms
    for i, (weight, conv) in enumerate(zip(convs, module.front_end.convs)):
        x = F.conv2d(x, weight, stride=(1, conv.stride[0])).contiguous(memory_format=torch.channels_last)
        if len(norms) > 1:
            norm = norms[i].norm
            x = F.layer_norm(x.permute(0, 2, 3, 1), norm.normalized_shape, norm.weight, norm.bias, norm.eps).permute(0, 3, 1, 2)
        elif i == 0:
            x = group_norm(x, norms[0], first)
        x = F.gelu(x)
    x = x[:, :, 0].transpose(1, 2)                                       # [utterances, frames, channels]
    x = module.projection(module.feature_norm(x))
    if last is not None:
        x = x * last[..., None]
    x = x + module.positions(x)
    return x if module.pre_norm else module.norm(x)


def group_norm(x, norm, real):
    """Over the real frames of [utterances, channels, 1, frames], a channel at a time, in float32."""
    values = x.float()
    if real is None:
        mean, variance = values.mean(-1, keepdim=True), values.var(-1, unbiased=False, keepdim=True)
    else:
        real = real[:, None, None].float()
        frames = real.sum(-1, keepdim=True)
        mean = (values * real).sum(-1, keepdim=True) / frames
        variance = ((values - mean).square() * real).sum(-1, keepdim=True) / frames
    values = (values - mean) * torch.rsqrt(variance + norm.eps) * norm.weight[:, None, None].float() + norm.bias[:, None, None].float()
    return values.to(x.dtype)


def layer(module, x, table, reach, mask, document):
    def attend(q, k, v, gate):
        def score_mod(score, utterance, head, i, j):
            return score + gate[utterance, head, i] * table[head, torch.clamp(j - i, -reach, reach) + reach]

        if flex_attention is None:
            return by_hand(q, k, v, score_mod, document)
        return flex_attention(q, k, v, score_mod=score_mod, block_mask=mask, scale=1.0)

    return module(x, attend)


def by_hand(q, k, v, score_mod, document):
    """What FlexAttention computes, with every score in memory."""
    scores = (q @ k.transpose(2, 3)).float()
    utterance, head, i, j = (torch.arange(n, device=q.device).view([-1 if axis == d else 1 for axis in range(4)]) for d, n in enumerate(scores.shape))
    scores = score_mod(scores, utterance, head, i, j)
    if document is not None:
        scores = scores.masked_fill(document[:, None] != document[None, :], float("-inf"))
    return torch.softmax(scores, -1).to(v.dtype) @ v


def real_frames(frames):
    return torch.arange(max(frames))[None] < torch.tensor(frames)[:, None]


def documents(frames):
    """Whose each frame is, up to a whole number of blocks (the rest is nobody's), and where each begins and ends."""
    ends = torch.tensor(frames).cumsum(0)
    total = -(-int(ends[-1]) // BLOCK) * BLOCK
    document = torch.full([total], len(frames))
    document[:ends[-1]] = torch.repeat_interleave(torch.arange(len(frames)), torch.tensor(frames))
    starts = torch.cat([torch.zeros(1, dtype=torch.long), ends, torch.tensor([total])])
    return document, starts


def block_mask(document, starts):
    """The blocks of keys that a block of queries sees, from the documents' ends: to ask every pair would take billions of answers."""
    owner, blocks = document.cpu(), len(document) // BLOCK
    partial, full = [], []
    for i in range(blocks):
        first, last = int(owner[i * BLOCK]), int(owner[(i + 1) * BLOCK - 1])
        seen = range(int(starts[first]) // BLOCK, (int(starts[last + 1]) - 1) // BLOCK + 1)
        whole = [j for j in seen if first == last and int(owner[j * BLOCK]) == int(owner[(j + 1) * BLOCK - 1]) == first]
        full.append(whole)
        partial.append([j for j in seen if j not in whole])

    def mask_mod(utterance, head, i, j):
        return document[i] == document[j]

    return BlockMask.from_kv_blocks(*ordered(partial, blocks, document.device), *ordered(full, blocks, document.device),
                                    BLOCK_SIZE=BLOCK, mask_mod=mask_mod, seq_lengths=(len(document), len(document)))


def ordered(seen, blocks, device):
    """How many blocks each block of queries sees, and which, padded to a square: [1, 1, blocks], [1, 1, blocks, blocks]."""
    counts = torch.tensor([len(row) for row in seen], dtype=torch.int32, device=device)
    indices = torch.tensor([row + [0] * (blocks - len(row)) for row in seen], dtype=torch.int32, device=device)
    return counts[None, None], indices[None, None]
