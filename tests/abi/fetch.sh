#!/usr/bin/env bash
# Unpacks NVIDIA's own libraries out of Debian's non-free packages into a folder, where the bindings are called against them, and with
# them the two programs that show what a compiled kernel holds. All of it works without a GPU. Nothing is installed, and apt's own lists
# stay as they are: this machine's sources, with the component non-free, are read into lists beside the folder. artifacts/abi leads to
# what was unpacked. What is there already is not fetched again; with nothing to do it takes no time.
#   fetch.sh [FOLDER]
set -euo pipefail

# cuobjdump and nvdisasm are in nvidia-cuda-toolkit: 84 MB alone, but installing it would pull in gigabytes.
packages=(libcuda1 libnvrtc11.2 libnvrtc-builtins11.8 libcublaslt11 nvidia-cuda-toolkit)
programs=(cuobjdump nvdisasm)
folder=$(realpath -m "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/wavlm-abi}")
libraries=$folder/lib
root=$(cd "$(dirname "$0")/../.." && pwd)

lead_there() {
    mkdir -p "$root/artifacts"
    ln -sfn "$libraries" "$root/artifacts/abi"
    echo "abi: bindings meet $(awk '{ printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2 }' "$libraries/complete")"
}
missing=()
for package in "${packages[@]}"; do
    grep -qs "^$package " "$libraries/complete" || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then
    lead_there
    exit 0
fi
# What is there already can be used whatever becomes of the rest.
[ ! -e "$libraries/complete" ] || lead_there >/dev/null
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { echo "abi: no apt on this machine" >&2; exit 1; }

mkdir -p "$folder"
work=$(mktemp -d "$folder/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{sources,lists/partial,cache/archives/partial,debs,unpacked,lib}
if [ -e "$libraries/complete" ]; then
    cp -al "$libraries/." "$work/lib"
    cp --remove-destination "$libraries/complete" "$work/lib"   # it is added to, and must not be the other's any more
fi

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
echo "abi: downloading ${missing[*]}" >&2
(cd "$work/debs" && timeout 600 apt-get "${options[@]}" download -qq "${missing[@]}" >&2) || { echo "abi: could not download ${missing[*]}" >&2; exit 1; }

for package in "$work"/debs/*.deb; do
    dpkg-deb -x "$package" "$work/unpacked"
    dpkg-deb --showformat='${Package} ${Version}\n' -W "$package" >>"$work/lib/complete"
done
# Of the toolkit the two programs alone: its libraries are for building, and would be found in place of those above.
find "$work/unpacked" \( -type f -o -type l \) -path '*/lib/*-linux-gnu/*' -name 'lib*.so*' -exec mv -n -t "$work/lib" {} +
for program in "${programs[@]}"; do
    [ ! -e "$work/unpacked/usr/bin/$program" ] || mv "$work/unpacked/usr/bin/$program" "$work/lib"
done

for wanted in libcuda.so.1 libnvrtc.so.11.2 libcublasLt.so.11 "${programs[@]}"; do
    [ -e "$work/lib/$wanted" ] || { echo "abi: no $wanted in the packages" >&2; exit 1; }
done
rm -rf "$libraries"
mv -T "$work/lib" "$libraries"
lead_there
