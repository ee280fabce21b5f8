#!/usr/bin/env bash
# gpu-bench.sh to its end from the unpacked archive, on the emulated device, with tiny models.
#   tests/portable/gpu_bench.sh ARCHIVE.tar.xz
# Exit code 77: it can't be decided here; the last line says why.
set -euo pipefail
cd "$(dirname "$0")/../.."
/usr/bin/python3 -c 'import numpy, torch' 2>/dev/null || { echo "not run: python3-numpy or python3-torch is not installed: ./setup.sh reference"; exit 77; }
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
tar --extract --file "$1" --directory "$root" --strip-components=1

fail() { printf '%s\n' "$1" >&2; cat "$root/out/gpu-bench.log" >&2; exit 1; }
QUICK=1 PYTHON=/usr/bin/python3 OUT=$root/out WAVLM_CUDA_PATH=$PWD/tests/cuda-on-cpu/build "$root/gpu-bench.sh" >"$root/said" || fail "gpu-bench.sh ended with $?"
for step in doctor "init large" "init base" "kernels large" "kernels base" "encode large" "encode base" files peers report; do
    grep -q "^$step: done" "$root/said" || fail "step $step is not done"
done
for file in kernels-large kernels-base encode-large encode-base files peers; do
    grep -q '"emulated": true' "$root/out/$file.json" || fail "$file.json does not say that the device is emulated"
done
grep -q '"encode with algorithms of its own"' "$root/out/encode-large.json" || fail "encode-large.json does not say what shared algorithms cost"
grep -q '</html>' "$root/out/report.html" || fail "no report.html"
[ "$(ls "$root/out" | wc -l)" -le 8 ] || fail "more files than a narrow door lets through: $(ls "$root/out")"

# Without a GPU there is nothing to measure, and it says so at once.
if ! PATH="$PATH:/usr/sbin:/sbin" ldconfig -p | grep -q 'libcuda\.so\.1'; then
    status=0
    OUT=$root/none env --unset=WAVLM_CUDA_PATH "$root/gpu-bench.sh" >"$root/said-without" 2>&1 || status=$?
    [ $status = 2 ] && grep -q '^no usable GPU' "$root/said-without" || fail "without a GPU it ended with $status, expected 2: $(cat "$root/said-without")"
fi
cat "$root/said"
