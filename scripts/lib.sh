# shellcheck shell=bash
# Shared by the scripts beside it; sourced, never run.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export LEGATO_CACHE="${LEGATO_CACHE:-$HOME/.cache/legato}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$LEGATO_CACHE/target}"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# at_least 1.91 1.95.0: true when the second version is the first or newer.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n1)" = "$1" ]; }

oldest_rust() { sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif have sudo; then sudo "$@"
    else die "installing packages needs root, and there is no sudo: run as root: $*"
    fi
}

# apt_update: fetches the package lists, once in a run.
apt_update() {
    [ -z "${APT_UPDATED:-}" ] || return 0
    say "setup: apt-get update"
    as_root apt-get -qq -o DPkg::Lock::Timeout=300 update </dev/null >&2
    export APT_UPDATED=1
}

# apt_install "why" package...
apt_install() {
    local why="$1"
    shift
    have apt-get || die "this machine has no apt-get. Please install ($why): $*"
    say "setup: installing $* ($why)"
    apt_update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
        install -y --no-install-recommends "$@" </dev/null >&2
}

# cargo_tool cargo-deny: makes `cargo deny` work, building it once into the cache.
cargo_tool() {
    export PATH="$PATH:$LEGATO_CACHE/tools/bin"
    have "$1" && return 0
    say "setup: building $1 (once; it stays in $LEGATO_CACHE/tools)"
    CARGO_TARGET_DIR="$LEGATO_CACHE/target-tools" \
        cargo install --quiet --locked --root "$LEGATO_CACHE/tools" "$1" </dev/null >&2
    rm -rf "$LEGATO_CACHE/target-tools"
}

# What the worlds in network namespaces are made with.
lab_tools_are_there() {
    local tool missing=()
    for tool in ip:iproute2 nft:nftables tayga:tayga ping:iputils-ping miniupnpd:miniupnpd; do
        have "${tool%:*}" || [ -x "/usr/sbin/${tool%:*}" ] || missing+=("${tool#*:}")
    done
    [ ${#missing[@]} = 0 ] || apt_install "network namespaces, NATs and routers for the lab" "${missing[@]}"
}

# A private sound server, what speaks into it, and what records it.
vsound_tools_are_there() {
    local tool missing=()
    for tool in pipewire:pipewire pipewire:pipewire-bin wireplumber:wireplumber pipewire-pulse:pipewire-pulse dbus-daemon:dbus-daemon pactl:pulseaudio-utils; do
        have "${tool%:*}" || missing+=("${tool#*:}")
    done
    compgen -G '/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so' >/dev/null || missing+=(libasound2-plugins)
    [ ${#missing[@]} = 0 ] || apt_install "a private sound server for the tests of sound" "${missing[@]}"
}
