#!/usr/bin/env bash
# Features of three recordings, by a checkpoint of random weights or by the one that is given: ./demo.sh [MODEL]
set -euo pipefail
cd "$(dirname "$0")"
model=${1:-}
audio=tests/fixtures/audio
features=demo/features

if [ -z "$model" ]; then
    model=demo/model
    if [ ! -e "$model/config.json" ]; then
        echo "Making a Base-shaped checkpoint of random weights in $model (378 MB, once)."
        bin/wavlm init --size base --seed 1 --out "$model"
    fi
    echo "Trained weights are too large to come with the source, so these are random: shapes, speed and"
    echo "exactness are real, but the features mean nothing. With a checkpoint of your own:"
    echo "    make demo MODEL=path/to/wavlm-base-plus"
    echo
fi

bin/wavlm info "$model"
echo
echo "\$ wavlm extract --model $model --out $features $audio/{long,medium,short}.wav"
rm -rf "$features"
begin=$EPOCHREALTIME
bin/wavlm extract --model "$model" --out "$features" "$audio/long.wav" "$audio/medium.wav" "$audio/short.wav"
end=$EPOCHREALTIME
echo

# A row of the manifest is one line of JSON with its keys in a fixed order.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",]*\).*/\1/p" <<<"$row"; }
printf '%-10s %9s %8s  %-14s %10s  %s\n' utterance seconds frames shape bytes file
samples=0
while IFS= read -r row; do
    count=$(field samples) output=$(field output)
    samples=$((samples + count))
    last=$row
    printf '%-10s %9s %8s  %-14s %10s  %s\n' "$(field id)" "$((count / 16000)).$(printf %02d $((count % 16000 / 160)))" "$(field frames)" \
        "[$(field frames), $(field dim)]" "$(stat -c %s "$features/$output")" "$features/$output"
done <"$features/manifest.jsonl"
echo
milliseconds=$(((${end/[.,]/} - ${begin/[.,]/}) / 1000))
printf '%d.%02d s of audio in %d.%03d s, loading the model included. The last row of %s:\n' \
    $((samples / 16000)) $((samples % 16000 / 160)) $((milliseconds / 1000)) $((milliseconds % 1000)) "$features/manifest.jsonl"
echo "$last"
