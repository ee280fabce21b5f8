#!/usr/bin/env bash
# gpu-check to its end from the unpacked archive, on the emulated device.
#   tests/portable/gpu_check.sh ARCHIVE.tar.xz
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
tar --extract --file "$1" --directory "$root" --strip-components=1

fail() { printf '%s\n' "$1" >&2; cat "$root/report" >&2; exit 1; }
WAVLM_CUDA_PATH=tests/cuda-on-cpu/build XDG_CACHE_HOME=$root/cache "$root/gpu-check" --report "$root/report" >/dev/null || fail "gpu-check ended with $?"
for stage in doctor ptx checks-fp32 checks-fp16 checks-bf16 cublaslt; do
    grep -q "^$stage  *passed in" "$root/report" || fail "stage $stage did not pass"
done
for stage in memcheck racecheck initcheck synccheck; do
    grep -q "^$stage  *not run: the device is emulated" "$root/report" || fail "stage $stage ran on an emulated device"
done
grep -q '^fixtures  *not run: no tests/fixtures above' "$root/report" || fail "stage fixtures ran without the repository"
tail -n 12 "$root/report"
