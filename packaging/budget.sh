#!/usr/bin/env bash
# What is carried to a GPU machine, the archive and the repository, has to fit through a narrow door.
#   packaging/budget.sh ARCHIVE
set -euo pipefail
cd "$(dirname "$0")/.."
archive_limit=45000000 total_limit=60000000

archive=$(stat --format=%s "$1")
# With its history or as a plain copy of the files, whichever is larger.
if git rev-parse --quiet --verify HEAD >/dev/null 2>&1; then
    history=$(git rev-list --objects HEAD | git pack-objects --stdout --quiet | wc -c)
    files=$(git archive HEAD | wc -c)
else
    history=0
    files=$(tar --create --exclude=./artifacts --exclude=./bin --exclude=./demo --exclude=./tests/cuda-on-cpu/build . | wc -c)
fi
repository=$((history > files ? history : files))

megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f MB", bytes / 1e6 }'; }
echo "portable: $1, $(megabytes "$archive") (limit $(megabytes $archive_limit)); repository $(megabytes "$repository") (history packed $(megabytes "$history"), files $(megabytes "$files")); together $(megabytes $((archive + repository))) (limit $(megabytes $total_limit))"
[ "$archive" -lt $archive_limit ] || { echo "portable: the archive is too large" >&2; exit 1; }
[ $((archive + repository)) -lt $total_limit ] || { echo "portable: archive and repository together are too large" >&2; exit 1; }
