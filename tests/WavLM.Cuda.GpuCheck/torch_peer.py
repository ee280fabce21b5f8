"""The same pass by PyTorch: prints the median seconds of each workload, or why it can't. Arguments: fp32|fp16|bf16 UTTERANCESxSECONDS...
fp32 is exact (no TensorFloat-32); in fp16 and bf16 the whole model is of that type, which is the fastest that it has."""
import sys
import time


def not_run(reason):
    print("not run: " + reason)
    sys.exit(0)


try:
    import torch
except ImportError:
    not_run("this python3 has no torch")
if not torch.cuda.is_available():
    not_run("this torch sees no GPU")
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
try:
    from transformers import WavLMConfig, WavLMModel
    source, model = "transformers", WavLMModel(WavLMConfig())
    last = lambda x: model(x).last_hidden_state
except ImportError:
    try:
        from torchaudio.models import wavlm_base
        source, model = "torchaudio", wavlm_base()
        last = lambda x: model.extract_features(x)[0][-1]
    except ImportError:
        not_run("this python3 has neither transformers nor a torchaudio with WavLM")
precision = sys.argv[1]
kind = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
model = model.cuda().to(kind).eval()
print(f"torch {torch.__version__}, the model of {source} in {precision}, {torch.cuda.get_device_name()}")
for workload in sys.argv[2:]:
    utterances, seconds = map(int, workload.split("x"))
    x = torch.randn(utterances, seconds * 16000) * 0.1
    times = []
    try:
        with torch.inference_mode():
            for _ in range(10):
                begun = time.perf_counter()
                last(x.cuda().to(kind)).float().cpu()
                times.append(time.perf_counter() - begun)
    except RuntimeError as error:
        not_run(f"{workload} in {precision}: {error}")
    print(f"torch {workload} {sorted(times[3:])[3]:.6f}")
