"""What the figures come to: ratios of one run, against the targets of the project."""
import statistics


def lines(device, tiny, races, measurements, kernels):
    races = {race.case: race for race in races}
    if tiny:
        return ["A trial of the scripts: the models are tiny, and no figure means anything."]
    return of_cpu(races) if device == "cpu" else of_cuda(races) + attention(measurements, kernels)


def failures_of_ours(measurements):
    """1 where an engine of ours was not timed for another reason than the clock's."""
    failed = [entry for entry in measurements if entry["runner"] == "wavlm" and not entry["seconds"] and "budget" not in entry["not_timed"]]
    for entry in failed:
        print(f"FAILED: wavlm, {entry['case']}, {entry['precision']}: {entry['not_timed']}")
    return 1 if failed else 0


def of_cpu(races):
    """How many times faster than ONNX Runtime's float32 we are."""
    if not {"base 1x10", "base mixed"} <= races.keys():
        return []
    one, mixed = races["base 1x10"], races["base mixed"]
    ratios = {"fp32_vs_onnxruntime": ratio(one.fastest("onnxruntime-node"), one.fastest("wavlm", "fp32")),
              "bf16_vs_onnxruntime": ratio(one.fastest("onnxruntime-node"), one.fastest("wavlm", "bf16")),
              "mixed_vs_onnxruntime_padded": ratio(mixed.fastest("onnxruntime-node", padded=True), mixed.fastest("wavlm", "fp32")),
              "int8_vs_onnxruntime": ratio(one.fastest("onnxruntime-node"), one.fastest("wavlm", "int8"))}
    return ["RESULT " + " ".join(f"{name}={value:.2f}" if value else f"{name}=none" for name, value in ratios.items())]


def of_cuda(races):
    found = []

    def target(what, value, least):
        found.append(f"TARGET {what}: " + (f"{value:,.2f}, {'met' if value >= least else 'MISSED'}" if value else "not measured") + f" (at least {least:g})")

    for size, least in (("large", 8000), ("base", 18000)):
        target(f"{size} 64x15 fp16, times real time, host to host", speed(races, f"{size} 64x15"), least)
    fixed, mixed = races.get("large 64x15"), races.get("large mixed")
    if fixed and mixed:
        target("large 64x15 fp16, times the best Hugging Face setting", ratio(fixed.fastest("transformers"), fixed.fastest("wavlm", "fp16")), 3)
        target("large 64x15 fp16, times the FlexAttention build", ratio(fixed.fastest("flex"), fixed.fastest("wavlm", "fp16")), 1.2)
        ours, of_fixed = speed(races, "large mixed"), speed(races, "large 64x15")
        target("large mixed lengths fp16, part of the throughput of 64x15", ours / of_fixed if ours and of_fixed else None, 0.95)
        target("large mixed lengths fp16, times the best padded Hugging Face setting",
               ratio(mixed.fastest("transformers", padded=True), mixed.fastest("wavlm", "fp16")), 4)
        by_length = min((runner for runner in mixed.runners if runner.by_length and runner.seconds), key=lambda runner: runner.median, default=None)
        apart = ratio(by_length, mixed.fastest("wavlm", "fp16"))
        found.append("For information: large mixed lengths fp16, times Hugging Face sorted by length: " + (f"{apart:.2f}" if apart else "not measured"))
    return found


def attention(measurements, kernels):
    """FlashAttention has no bias to add: 1 would be as fast with it as PyTorch without."""
    ours = {(entry["case"], entry["precision"]): entry for entry in kernels if entry["name"] == "gated_attention" and entry.get("runner", "wavlm") == "wavlm"}
    parts = []
    for entry in measurements:
        own = ours.get((entry["case"], entry["precision"]))
        if entry["runner"] == "torch flash" and entry["seconds"] and own and own.get("seconds"):
            parts.append((statistics.median(entry["seconds"]) / statistics.median(own["seconds"]), f"{entry['case']} {entry['precision']}"))
    if not parts:
        return ["TARGET attention with bias, part of FlashAttention's speed: not measured (at least 0.86)"]
    return [f"TARGET attention with bias, {case}, part of FlashAttention's speed: {part:.2f}, {'met' if part >= 0.86 else 'MISSED'} (at least 0.86)"
            for part, case in parts]


def ratio(theirs, ours):
    return theirs.median / ours.median if theirs and ours else None


def speed(races, case):
    ours = races[case].fastest("wavlm", "fp16") if case in races else None
    return races[case].workload.audio_seconds / ours.median if ours else None
