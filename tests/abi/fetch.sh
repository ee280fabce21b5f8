#!/usr/bin/env bash
# Unpacks NVIDIA's own libraries out of Debian's non-free packages into a folder, where the bindings are called against them. They load
# without a GPU. Nothing is installed, and apt's own lists stay as they are: this machine's sources, with the component non-free, are
# read into lists beside the folder. artifacts/abi leads to what was unpacked; with nothing to do it takes no time.
#   fetch.sh [FOLDER]
set -euo pipefail

packages=(libcuda1 libnvrtc11.2 libnvrtc-builtins11.8 libcublaslt11)
folder=$(realpath -m "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/wavlm-abi}")
libraries=$folder/lib
root=$(cd "$(dirname "$0")/../.." && pwd)

lead_there() {
    mkdir -p "$root/artifacts"
    ln -sfn "$libraries" "$root/artifacts/abi"
    echo "abi: bindings meet $(awk '{ printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2 }' "$libraries/complete")"
}
if [ -e "$libraries/complete" ]; then
    lead_there
    exit 0
fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "abi: no apt on this machine" >&2; exit 1; }

mkdir -p "$folder"
work=$(mktemp -d "$folder/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{sources,lists/partial,cache/archives/partial,debs,unpacked,lib}

# The machine's sources, one component each. A source without it is passed over.
shopt -s nullglob
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -e "$list" ] && sed -nE 's/^(deb +(\[[^]]*\] +)?[^ ]+ +[^ ]+) +.*\bmain\b.*/\1 non-free/p' "$list" >"$work/sources/$(basename "$list" .list).list"
done
for list in /etc/apt/sources.list.d/*.sources; do
    sed -E 's/^Components:.*\bmain\b.*/Components: non-free/' "$list" >"$work/sources/$(basename "$list")"
done

options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/sources" -o "Dir::State::lists=$work/lists"
    -o "Dir::Cache=$work/cache" -o APT::Update::Post-Invoke= -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=2)
echo "abi: reading the lists of non-free" >&2
timeout 120 apt-get "${options[@]}" update -qq >&2 || echo "abi: some sources could not be read" >&2
echo "abi: downloading ${packages[*]}" >&2
(cd "$work/debs" && timeout 600 apt-get "${options[@]}" download -qq "${packages[@]}" >&2)

for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$work/unpacked"
    dpkg-deb --showformat='${Package} ${Version}\n' -W "$package" >>"$work/lib/complete"
done
find "$work/unpacked" \( -type f -o -type l \) -name 'lib*.so*' -exec mv -n -t "$work/lib" {} +

for wanted in libcuda.so.1 libnvrtc.so.11.2 libcublasLt.so.11; do
    [ -e "$work/lib/$wanted" ] || { echo "abi: no $wanted in the packages" >&2; exit 1; }
done
rm -rf "$libraries"
mv -T "$work/lib" "$libraries"
lead_there
