#!/usr/bin/env bash
# The licences of everything in the portable archive that is not ours.
#   packaging/notices.sh FOLDER LIBRARY_PATH...
set -euo pipefail
folder=$(realpath -m "$1")
shift
cd "$(dirname "$0")"
mkdir -p "$folder"

# A Debian package's copyright file names the licences; their texts lie elsewhere in Debian, and nowhere on other systems.
{
    echo "The libraries in lib/ are Debian's, unchanged but for their RUNPATH. Their sources are those of Debian's source packages:"
    echo
} >"$folder/DEBIAN.txt"
for path in "$@"; do
    package=$(dpkg -S "$path" 2>/dev/null || dpkg -S "${path#/usr}")
    package=${package%%:*}
    [ -e "$folder/$package.copyright" ] && continue
    cp "/usr/share/doc/$package/copyright" "$folder/$package.copyright"
    dpkg-query --show --showformat '  ${Package} ${Version}, source ${source:Package} ${source:Version}\n' "$package" | sort -u >>"$folder/DEBIAN.txt"
done
mkdir -p "$folder/common-licenses"
grep -oh '/usr/share/common-licenses/[A-Za-z]*\(-[0-9.]*[0-9]\)\?' "$folder"/*.copyright | sort -u | while read -r text; do
    cp -L "$text" "$folder/common-licenses/"
done

# .NET's runtime and libraries, and the packages that are trimmed into the programs.
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
cp "$dotnet/LICENSE.txt" "$folder/dotnet.LICENSE.txt"
cp "$dotnet/ThirdPartyNotices.txt" "$folder/dotnet.ThirdPartyNotices.txt"
cp licenses/*.txt "$folder/"
