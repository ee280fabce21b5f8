"""The attention of one layer alone, by PyTorch: what the kernel of ours is held against. One request, one list of times.

flash: scaled_dot_product_attention pinned to FlashAttention, which takes no bias: the same shape with less to do.
flex: FlexAttention with WavLM's gate and bias, compiled.
"""
import math
import time

import torch

from torch_engine import DTYPES

REACH = 800   # frames, beyond which the bias is constant
CACHE_BYTES = 256e6   # more than any GPU keeps: inputs are rotated beyond it


def measure(runner, utterances, heads, frames, width, precision, device, runs):
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"PyTorch {torch.__version__} finds no CUDA device")
    attend = {"flash": flash, "flex": flex}[runner](device)
    generator = torch.Generator(device).manual_seed(1)
    random = lambda *shape: torch.randn(*shape, generator=generator, device=device, dtype=torch.float32).to(DTYPES[precision])
    # As a projection leaves them: [utterances, frames, heads, d], looked at as [utterances, heads, frames, d].
    bytes_of_one = 3 * utterances * frames * heads * width * torch.empty(0, dtype=DTYPES[precision]).element_size()
    sets = [[random(utterances, frames, heads, width).transpose(1, 2) for _ in "qkv"] for _ in range(max(2, math.ceil(CACHE_BYTES / bytes_of_one)))]
    gate, table = random(utterances, heads, frames).sigmoid() + 1, random(heads, 2 * REACH + 1).float()
    with torch.inference_mode():
        error = relative_error(attend(*sets[0], gate, table)[:1], sets[0], gate, table, biased=runner == "flex")
        for inputs in sets:
            attend(*inputs, gate, table)
        seconds = [timed(lambda: attend(*sets[i % len(sets)], gate, table), device) for i in range(runs)]
    return {"seconds": seconds, "relative_error": error, "name": f"PyTorch {torch.__version__}"}


def flash(device):
    try:
        from torch.nn.attention import SDPBackend, sdpa_kernel
    except ImportError as error:
        raise ValueError(f"PyTorch {torch.__version__} cannot pin scaled_dot_product_attention to FlashAttention") from error
    if device != "cuda":
        raise ValueError("FlashAttention runs on CUDA alone")

    def attend(q, k, v, gate, table):
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            return torch.nn.functional.scaled_dot_product_attention(q, k, v)
    return attend


def flex(device):
    try:
        from torch.nn.attention.flex_attention import flex_attention
    except ImportError as error:
        raise ValueError(f"PyTorch {torch.__version__} has no FlexAttention") from error

    def attend(q, k, v, gate, table):
        def score_mod(score, utterance, head, i, j):
            return score + gate[utterance, head, i] * table[head, torch.clamp(j - i, -REACH, REACH) + REACH]
        return flex_attention(q, k, v, score_mod=score_mod)
    return torch.compile(attend, dynamic=False) if device == "cuda" else attend


def relative_error(actual, inputs, gate, table, biased):
    """Of the first utterance, against the formula in float64."""
    q, k, v = (x[:1].double() for x in inputs)
    scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
    if biased:
        frame = torch.arange(q.shape[2], device=q.device)
        distance = (frame[None, :] - frame[:, None]).clamp(-REACH, REACH) + REACH
        scores = scores + gate[:1, :, :, None].double() * table.double()[:, distance]
    expected = torch.softmax(scores, -1) @ v
    return float((actual.double() - expected).norm() / expected.norm())


def timed(run, device):
    if device != "cuda":
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    run()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) / 1e3
