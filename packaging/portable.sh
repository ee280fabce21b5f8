#!/usr/bin/env bash
# One archive that runs where there is no .NET, no apt package and no network: programs, the native libraries they load, and notices.
#   packaging/portable.sh ARCHIVE.tar.xz PROGRAM...      the programs are self-contained single files that were published
# Nothing in it needs a wrapper or a variable: a program finds lib/ by its RUNPATH, a library its neighbours by theirs.
set -euo pipefail
cd "$(dirname "$0")/.."
archive=$1
shift
PATH="$PATH:/usr/sbin:/sbin"

# What the programs load by name (NativeLibraries.cs), are linked to (the runtime needs the C++ libraries before any C# runs), or
# what .NET loads for SHA-256 (OpenSSL, and it asks for libssl alone). What these need in turn is found below.
roots=(libdnnl.so.2 libgomp.so.1 libsndfile.so.1 libsoxr.so.0 libstdc++.so.6 libgcc_s.so.1 libssl.so.3)
# The C library's own files stay with the machine: they must match its loader.
from_libc='^(ld-linux-x86-64|libc|libm|libdl|librt|libpthread)\.so'

root="artifacts/portable/$(basename "$archive" .tar.xz)"
rm -rf artifacts/portable
mkdir -p "$root/lib"

path_of() { ldconfig -p | awk -v name="$1" '$1 == name && /x86-64/ { print $NF; exit }'; }

add_library() {   # NAME PATH: the file behind the links, under the name that others ask for
    [ -e "$root/lib/$1" ] && return
    [ -n "$2" ] || { echo "portable: $1 is not installed" >&2; exit 1; }
    install -m 755 "$(readlink -f "$2")" "$root/lib/$1"
    readlink -f "$2" >>"$root/.sources"
    while read -r name _ path _; do
        [[ $path == /* && ! $name =~ $from_libc ]] && add_library "$name" "$path"
    done < <(ldd "$2")
    patchelf --set-rpath '$ORIGIN' "$root/lib/$1"
}

for library in "${roots[@]}"; do add_library "$library" "$(path_of "$library")"; done
for program in "$@"; do
    install -m 755 "$program" "$root/"
    patchelf --set-rpath '$ORIGIN/lib' "$root/$(basename "$program")"
done

# What gpu-bench.sh runs with the machine's own Python, and some speech for it.
install -m 755 bench/gpu_bench.sh "$root/gpu-bench.sh"
mkdir -p "$root/peers/audio"
install -m 644 bench/peers/*.py bench/peers/tiny-*.json bench/peers/README.md "$root/peers/"
install -m 644 tests/fixtures/audio/{eighteen-seconds,long,medium,short}.wav "$root/peers/audio/"

version=$("$root/wavlm" --version)
sed "s/@VERSION@/$version/" packaging/README.txt >"$root/README.txt"
cp LICENSE "$root/LICENSE"
echo "$version" >"$root/VERSION"
mapfile -t sources < <(sort -u "$root/.sources")
rm "$root/.sources"
packaging/notices.sh "$root/notices" "${sources[@]}"

# The same input gives the same bytes. The programs share most of theirs, the runtime: they come first, one behind the other, and the
# dictionary reaches from the second to the first. With it a quick level is as good as a slow one.
programs=("${@##*/}")
mkdir -p "$(dirname "$archive")"
(cd artifacts/portable && tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct 2>/dev/null || date +%s)" \
    "${programs[@]/#/$(basename "$root")/}" "${programs[@]/#/--exclude=$(basename "$root")/}" "$(basename "$root")") |
    xz --threads=0 --lzma2=preset=1,dict=32MiB >"$archive.part"
mv "$archive.part" "$archive"
