# shellcheck shell=bash
# What the measurements of voice share; sourced after lib.sh.

VENV="$LEGATO_CACHE/voice-bench/venv"
SPEECH="$LEGATO_CACHE/voice-bench/speech.wav"
SECOND="$LEGATO_CACHE/voice-bench/second.wav"
# The same as raw samples, whole and as two people who take turns.
TURNS="$LEGATO_CACHE/voice-bench"
# Each measurement leaves a file of results here; `results_are_one` joins them.
RESULTS=target/voice-bench/results

# PESQ is built from C, so a compiler is needed; scripts/setup has seen to it.
scorer_is_there() {
    [ -e "$VENV/ready" ] && return 0
    have python3 && python3 -c 'import venv, ensurepip' 2>/dev/null ||
        apt_install "the scorer of recorded speech" python3 python3-venv python3-dev
    say "installing the scorer of recorded speech (once; it stays in $LEGATO_CACHE/voice-bench)"
    mkdir -p "$(dirname "$VENV")"
    python3 -m venv "$VENV"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check \
        numpy==2.4.6 scipy==1.17.1 pesq==0.0.4 pystoi==0.4.1 matplotlib==3.11.2 av==18.1.0
    touch "$VENV/ready"
}

# Real wide-band speech from Debian packages: unpacked, not installed, and never committed. The voices are Allison Smith's (CC-BY-SA-3.0)
# and, where two people are needed, a Russian one (CC-BY-3.0).
speech_is_there() { voice_is_there asterisk-core-sounds-en-g722 "$SPEECH"; }
second_voice_is_there() { voice_is_there asterisk-core-sounds-ru-g722 "$SECOND"; }

voice_is_there() {
    [ -e "$2" ] && return 0
    local folder
    folder="$(mktemp -d)"
    say "fetching recorded speech (once)"
    (cd "$folder" && apt-get download --quiet "$1" >&2) ||
        (apt_update && cd "$folder" && apt-get download --quiet "$1" >&2) ||
        die "no recorded speech: apt-get download $1 failed"
    dpkg -x "$folder"/*.deb "$folder/x"
    "$VENV/bin/python" scripts/voice-score --speech-from "$folder/x" --out "$2"
    rm -rf "$folder"
}

turns_are_there() {
    [ -e "$TURNS/turns-B.raw" ] || "$VENV/bin/python" scripts/voice-live-score --turns "$TURNS" --speech "$SPEECH"
}

# The programs as people have them: what is measured here is their time, too. NTM_LAB names one that is built, with the others beside it.
the_lab_is_built() {
    [ -z "${NTM_LAB:-}" ] || return 0
    cargo build --release --quiet --bin ntm --bin ntm-lab --bin ntm-rs --bin ntm-server --bin legato-cli --bin voice-bench
    export NTM_LAB="$CARGO_TARGET_DIR/release/ntm-lab"
}

results_are_one() { cat "$RESULTS"/*.jsonl >target/voice-bench/results.jsonl; }
