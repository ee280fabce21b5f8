#!/usr/bin/env bash
# The portable archive where there is nothing: a root folder with the files of Debian 12's libc6 package, the unpacked archive,
# a model and a recording, /proc and /dev.
#   tests/portable/chroot.sh ARCHIVE.tar.xz
# Exit code 77: it can't be decided here; the last line says why.
set -euo pipefail
cd "$(dirname "$0")/../.."
archive=$1

skip() { echo "not run: $1"; exit 77; }
[ "$(id -u)" = 0 ] || skip "changing the root folder takes root"
unshare --mount true 2>/dev/null || skip "this machine lets nobody mount folders (unshare --mount)"
[[ $(dpkg-query --show --showformat '${Version}' libc6 2>/dev/null) == 2.36-* ]] || skip "this machine's C library is not Debian 12's"
[ -e "$archive" ] || { echo "no $archive; run make portable" >&2; exit 1; }

# In a mount namespace of its own: whatever happens, the mounts end with this process.
if [ -z "${IN_NAMESPACE:-}" ]; then
    root=$(mktemp -d)
    trap 'rm -rf --one-file-system "$root"' EXIT
    IN_NAMESPACE=$root unshare --mount --propagation private "$0" "$archive"
    exit
fi

root=$IN_NAMESPACE
dpkg -L libc6 | while read -r path; do
    [ -d "$path" ] && continue
    mkdir -p "$root$(dirname "$path")"
    cp -a "$path" "$root$path"
done
mkdir -p "$root"/{proc,dev,program}
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
tar --extract --file "$archive" --directory "$root/program" --strip-components=1
cp -r tests/fixtures/wavlm-tiny/model "$root/model"
cp tests/fixtures/audio/short.wav "$root/short.wav"

fail() { printf '%s\n' "$1" >&2; cat "$root/out" "$root/err" >&2; exit 1; }
wavlm() { status=0; env -i /usr/sbin/chroot "$root" /program/wavlm "$@" >"$root/out" 2>"$root/err" || status=$?; }

wavlm extract --model /model --out /features --device cpu /short.wav
[ $status = 0 ] || fail "extract --device cpu ended with $status"
bin/wavlm extract --model tests/fixtures/wavlm-tiny/model --out "$root/expected" --device cpu tests/fixtures/audio/short.wav 2>/dev/null
cmp "$root/features/short.npy" "$root/expected/short.npy" || fail "other features than the command that was not packed"
echo "extract --device cpu: the features of bin/wavlm, bit for bit"

for command in "extract --model /model --out /on-cuda --device cuda /short.wav" "doctor"; do
    begun=$(date +%s%N)
    wavlm $command
    milliseconds=$((($(date +%s%N) - begun) / 1000000))
    [ $status = 2 ] || fail "wavlm $command ended with $status, expected 2"
    grep -q 'libcuda\.so\.1' "$root/out" "$root/err" || fail "wavlm $command does not name libcuda.so.1"
    [ $milliseconds -lt 1000 ] || fail "wavlm $command took $milliseconds ms, allowed are 1,000"
    echo "${command%% *} without a GPU: exit 2 after $milliseconds ms, libcuda.so.1 named"
done
