#!/usr/bin/env bash
# Runs every test assembly that was built and ends with one line: N passed, N failed, N skipped.
# A run that leaves no results, dies half-way or finds no test counts as at least one failure.
set -uo pipefail
cd "$(dirname "$0")/.."
results=artifacts/test-results
rm -rf "$results"
passed=0 failed=0 skipped=0

counter() { sed -n "s/.*<Counters [^>]*\b$1=\"\([0-9]*\)\".*/\1/p" "$2" | head -n 1; }

# Each skipped test with its reason.
skips() {
    sed -n '/outcome="NotExecuted"/,/<\/UnitTestResult>/{s/.*testName="\([^"]*\)".*/skipped \1/p;s/.*<Message>\(.*\)<\/Message>.*/  because \1/p}' "$1" 2>/dev/null
}

for project in tests/*.Tests; do
    name=$(basename "$project")
    rm -f "artifacts/bin/$name/release/"{accuracy,emulated-device,compiled}.txt
    dotnet test "$project" --no-build --configuration Release --nologo --blame-hang-timeout 5m \
        --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=${VERBOSITY:-minimal}" --results-directory "$results" "$@"
    status=$?
    trx="$results/$name.trx"
    skips "$trx"
    cat "artifacts/bin/$name/release/"{accuracy,emulated-device,compiled}.txt 2>/dev/null
    total=$(counter total "$trx" 2>/dev/null) executed=$(counter executed "$trx" 2>/dev/null)
    succeeded=$(counter passed "$trx" 2>/dev/null) broken=$(counter failed "$trx" 2>/dev/null)
    if [ -z "$total" ] || [ "$total" = 0 ]; then
        echo "$name: no test ran (exit $status)" >&2
        failed=$((failed + 1))
        continue
    fi
    if [ "$status" != 0 ] && [ "$broken" = 0 ]; then
        echo "$name: the test host ended early (exit $status)" >&2
        broken=1
    fi
    passed=$((passed + succeeded)) failed=$((failed + broken)) skipped=$((skipped + total - executed))
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
