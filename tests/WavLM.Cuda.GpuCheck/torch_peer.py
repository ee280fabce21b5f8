"""The same pass by PyTorch, exact float32: prints the median seconds of each workload, or why it can't. Arguments: UTTERANCESxSECONDS..."""
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
model = model.cuda().eval()
print(f"torch {torch.__version__}, the model of {source}, {torch.cuda.get_device_name()}")
for workload in sys.argv[1:]:
    utterances, seconds = map(int, workload.split("x"))
    x = torch.randn(utterances, seconds * 16000) * 0.1
    times = []
    with torch.inference_mode():
        for _ in range(10):
            begun = time.perf_counter()
            last(x.cuda()).cpu()
            times.append(time.perf_counter() - begun)
    print(f"torch {workload} {sorted(times[3:])[3]:.6f}")
