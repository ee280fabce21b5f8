#!/usr/bin/env bash
# Installs with apt what this machine lacks: the libraries that the command loads, and on request what else a target needs.
#   setup.sh [peers | reference | emulator | portable | browser]
set -euo pipefail

command -v dotnet >/dev/null || { echo "setup: no dotnet on PATH; install the .NET 10 SDK first" >&2; exit 1; }

libraries=$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p)
missing=()
library() { grep -qF "$1" <<<"$libraries" || missing+=("$2"); }
program() { command -v "$1" >/dev/null || missing+=("$2"); }
header() { [ -e "/usr/include/$1" ] || missing+=("$2"); }
python_module() { /usr/bin/python3 -c "import $1" 2>/dev/null || missing+=("$2"); }

library libdnnl.so.2 libdnnl2
library libsndfile.so.1 libsndfile1
library libsoxr.so.0 libsoxr0
library libssl.so.3 libssl3   # .NET's SHA-256
case "${1:-}" in
    peers | reference)
        python_module numpy python3-numpy
        python_module torch python3-torch
        library libopenblas.so.0 libopenblas0-openmp   # without it Debian's PyTorch multiplies 40 times slower
        ;;&
    peers)
        program node nodejs
        program npm npm
        ;;
    emulator)
        program g++ g++
        header boost/context/detail/fcontext.hpp libboost-context-dev
        ;;
    portable)
        program patchelf patchelf
        program xz xz-utils
        ;;
    browser)
        command -v chromium >/dev/null || program chromium-headless-shell chromium-headless-shell
        ;;
esac
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=()
if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "setup: missing ${missing[*]}, and this user may not install them. Run: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    sudo=(sudo -n)
fi
echo "setup: installing ${missing[*]}"
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
