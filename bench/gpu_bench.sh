#!/usr/bin/env bash
# Everything that is to be measured on this machine's GPU, within eight minutes: kernels, whole passes, jobs from files to features, and
# the other ways to run WavLM that the machine's Python has. Leaves JSON, report.html and gpu-bench.log.
#   gpu-bench.sh [FOLDER]       the folder is $OUT where none is given, and else results/DEVICE beside this script
#   ONLY="kernels peers"        some of the steps: kernels, encode, files, peers. The peers have settings for twice the time that is left
#   HOURS=1                     an hour of audio in one pass, too (three minutes more: with ONLY=encode)
#   QUICK=1                     tiny models and few sizes: tries the script, measures nothing
#   PYTHON=...                  a Python with PyTorch
# Needs the portable archive that it comes with, and no network. In the repository it unpacks artifacts/wavlm-portable-*.tar.xz.
# A step that fails or takes too long does not keep the later ones from running. Exit code: 0 all steps of ours did what they should,
# 1 one did not, 2 there is no usable GPU.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
quick=${QUICK:-}
seconds_at_most=460   # of the eight minutes; the rest is for unpacking and for what cannot be stopped at once
slack=1
[ -z "$quick" ] || slack=4 seconds_at_most=1500   # an emulated device's compiler takes seconds for each kernel

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
program=$here results=$here/results
if [ ! -x "$here/wavlm" ]; then
    archive=$(ls "$here"/../artifacts/wavlm-portable-*.tar.xz 2>/dev/null | head -n 1)
    [ -n "$archive" ] || { echo "gpu-bench: no archive in artifacts: make portable, where there is .NET" >&2; exit 2; }
    # Python reads what tar may need xz for.
    tar --extract --file "$archive" --directory "$work" 2>/dev/null || "$python" -m tarfile --extract "$archive" "$work" || exit 2
    program=$(echo "$work"/wavlm-portable-*) results=$here/results
fi
wavlm=$program/wavlm

device=$("$wavlm" doctor 2>/dev/null | sed -n 's/^device 0 *\(.*\), sm_.*/\1/p' | tr -cs 'A-Za-z0-9\n' '-' | tr 'A-Z' 'a-z' | sed 's/-$//')
out=${1:-${OUT:-$results/${device:-unknown}}}
mkdir -p "$out"
log=$out/gpu-bench.log
: >"$log"
failed=0
say() { echo "$*" | tee -a "$log"; }
left() { echo $((seconds_at_most - SECONDS)); }   # bash counts SECONDS since the script began

# step NAME SECONDS COMMAND...: at most so many seconds, and never into what `reserve` keeps for the later steps.
reserve=0
step() {
    local name=$1 limit=$(($2 * slack)) begun=$SECONDS status
    shift 2
    [ "$limit" -le $(($(left) - reserve)) ] || limit=$(($(left) - reserve))
    if [ "$limit" -lt 5 ]; then
        say "$name: not run, no time is left"
        return 1
    fi
    printf '\n=== %s (at most %d s): %s\n' "$name" "$limit" "$*" >>"$log"
    timeout --kill-after=5 "$limit" "$@" >>"$log" 2>&1
    status=$?
    case $status in
        0) say "$name: done, $((SECONDS - begun)) s" ;;
        124 | 137) say "$name: STOPPED after $limit s"; failed=1 ;;
        *) say "$name: FAILED with $status, $((SECONDS - begun)) s: $(tail -n 1 "$log")"; failed=1 ;;
    esac
    return $status
}

say "gpu-bench, WavLM.Cuda $("$wavlm" --version), ${device:-no device}, $(date -u +%FT%TZ)${quick:+, QUICK: no figure means anything}"
command -v nvidia-smi >/dev/null && nvidia-smi >>"$log" 2>&1
reserve=60
step doctor 60 "$wavlm" doctor
if [ "$(grep -c '^device 0 ' "$log")" = 0 ]; then
    say "no usable GPU; gpu-bench.log has what the doctor found"
    exit 2
fi

peers=$work/peers
size() { [ -n "$quick" ] && echo "$program/peers/tiny-$1.json" || echo "$1"; }
model() { echo "$peers/${quick:+tiny-}$1"; }
for name in large base; do
    step "init $name" 60 "$wavlm" init --size "$(size $name)" --seed 1 --out "$(model $name)"
done

wanted() { [ -z "${ONLY:-}" ] || [[ " $ONLY " == *" $1 "* ]]; }
[ -n "$quick" ] && loads=() || loads=(--load 1x10 --load 64x15 --load mixed ${HOURS:+--load hour})

# The peers take whatever is left, and need most of it.
if wanted peers; then reserve=260; else reserve=20; fi
if wanted kernels; then
    for name in large base; do
        step "kernels $name" 70 "$wavlm" bench kernels --device cuda --filter "${quick:+layer_norm tiny }$name" ${quick:+--shapes small} --json "$out/kernels-$name.json"
    done
fi
if wanted encode; then
    for name in large base; do
        # Of Large also what it costs that all batches share their matrix algorithms.
        step "encode $name" $((${HOURS:+130} + 45)) "$wavlm" bench encode --model "$(model $name)" --device cuda --precision fp16 "${loads[@]}" \
            $([ $name = large ] && echo --own-algorithms) --json "$out/encode-$name.json"
    done
fi
if wanted files; then step files 40 "$wavlm" bench files --model "$(model large)" --device cuda ${quick:+--load 3x1 --runs 1} --json "$out/files.json" "$program/peers/audio"; fi

reserve=20
if ! wanted peers; then
    :
elif "$python" -c 'import numpy, torch' 2>>"$log"; then
    budget=$(($(left) - reserve))
    step peers "$budget" "$python" "$program/peers/compare.py" --device cuda --wavlm "$wavlm" --audio "$program/peers/audio" --work "$peers" \
        --threads "$(nproc)" --budget $((budget - 15)) ${quick:+--tiny} $(ls "$out"/kernels-*.json >/dev/null 2>&1 && echo --kernels "$out"/kernels-*.json) --out "$out/peers.json"
else
    say "peers: not run, $python has no PyTorch or no NumPy"
fi

reserve=0
measurements=("$out"/*.json)
if [ -e "${measurements[0]}" ]; then step report 20 "$wavlm" bench report "${measurements[@]}" --out "$out/report.html"; fi
grep '^TARGET' "$log"
say "$out, $SECONDS s"
exit $failed
