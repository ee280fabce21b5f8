#!/usr/bin/env bash
# Installs with apt what the command and the tests load at run time and this machine lacks.
set -euo pipefail
declare -A package=([libdnnl.so.2]=libdnnl2 [libsndfile.so.1]=libsndfile1 [libsoxr.so.0]=libsoxr0)

command -v dotnet >/dev/null || { echo "setup: no dotnet on PATH; install the .NET 10 SDK first" >&2; exit 1; }

libraries=$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p)
missing=()
for library in "${!package[@]}"; do
    grep -qF "$library" <<<"$libraries" || missing+=("${package[$library]}")
done
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
