#!/bin/sh
# Speaks every line of prompts.tsv and writes <folder>/<rate>/<file>.wav at 8 and 16 kHz, mono, 16-bit.
#
#   apt-get install flite sox            (and festival festvox-us-slt-hts, or espeak-ng, for the other voices)
#   sounds/generate.sh                   all prompts with the shipped voice
#   sounds/generate.sh --voice espeak    another voice: flite-slt flite-rms flite-awb flite-kal16 festival-slt-hts
#                                        espeak, or command:PROGRAM (text on standard input, WAV file as argument)
#   sounds/generate.sh --only ivr/ivr-user_busy.wav --out /tmp/prompts
set -eu

here=$(cd "$(dirname "$0")" && pwd)
voice=flite-slt
out=$here
only=
while [ $# -gt 0 ]; do
    case $1 in
        --voice) voice=$2; shift 2 ;;
        --out) out=$2; shift 2 ;;
        --only) only=$2; shift 2 ;;
        *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# speak TEXT FILE: one sentence by the chosen voice, at whatever rate the voice has.
speak() {
    printf '%s\n' "$1" > "$work/text"
    case $voice in
        flite-*) flite -voice "${voice#flite-}" -f "$work/text" -o "$2" ;;
        festival-slt-hts) text2wave -eval '(voice_cmu_us_slt_arctic_hts)' -o "$2" "$work/text" ;;
        espeak) espeak-ng -v en-us -s 150 -f "$work/text" -w "$2" ;;
        command:*) "${voice#command:}" "$2" < "$work/text" ;;
        *) echo "generate.sh: unknown voice '$voice'" >&2; exit 2 ;;
    esac
}

# master FILE: silence trimmed at both ends, rumble removed, the same loudness for every prompt (RMS -20 dBFS with a
# peak limit), 30 ms of quiet before and 60 ms after so that no phone swallows a first or last sound.
master() {
    sox "$1" -r 16000 -c 1 -b 32 -e signed "$work/trim.wav" \
        highpass 90 silence 1 0.02 0.5% reverse silence 1 0.02 0.5% reverse
    rms=$(sox "$work/trim.wav" -n stats 2>&1 | awk '/^RMS lev dB/ { print $4 }')
    gain=$(awk -v rms="$rms" 'BEGIN { print -18 - rms }')
    sox "$work/trim.wav" "$work/loud.wav" gain -l "$gain" gain -2 pad 0.03 0.06
}

tab=$(printf '\t')
grep -v '^#' "$here/prompts.tsv" | while IFS=$tab read -r name text _licence; do
    if [ -z "$name" ] || { [ -n "$only" ] && [ "$only" != "$name" ]; }; then continue; fi
    folder=$(dirname "$name")
    file=$(basename "$name")
    speak "$text" "$work/spoken.wav"
    master "$work/spoken.wav"
    for rate in 8000 16000; do
        mkdir -p "$out/$folder/$rate"
        # -R: the same dither every time, so a second run writes the same bytes.
        sox -R "$work/loud.wav" -b 16 -e signed "$out/$folder/$rate/$file" rate -v "$rate"
    done
done
