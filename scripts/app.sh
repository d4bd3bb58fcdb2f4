# shellcheck shell=bash
# What the scripts around the app share; sourced after lib.sh.

# Node builds the page. Debian 12's own is too old.
node_is_there() {
    local found=none
    have node && found="$(node --version | tr -d v)"
    [ "$found" != none ] && at_least 20.19 "$found" ||
        die "the window's page is built with Node 20.19 or newer, and this machine has $found (Debian 12's package is older): install it from https://nodejs.org, then run this again"
    have npm || die "node is there, npm is not: install it, then run this again"
}

# What package.json names, once for each lock file.
node_modules_are_there() {
    local stamp=node_modules/.of-lock
    [ -f package-lock.json ] || die "no package-lock.json here"
    ! cmp -s package-lock.json "$stamp" 2>/dev/null || return 0
    say "installing what the page is built with"
    npm ci --silent --no-fund --no-audit --cache "$LEGATO_CACHE/npm" >&2
    cp package-lock.json "$stamp"
}

# page: ui/dist, anew when a source is newer.
page() {
    local newer
    newer="$(find ui package.json package-lock.json -path ui/dist -prune -o -newer ui/dist/index.html -type f -print -quit 2>/dev/null || echo missing)"
    if [ -f ui/dist/index.html ] && [ -z "$newer" ] && ! grep -q 'was not built' ui/dist/index.html; then return 0; fi
    node_is_there
    node_modules_are_there
    npm run --silent build >&2
    touch ui/dist/index.html
}

# What a window is driven with where nobody looks.
driver_is_there() {
    local missing=() tool
    for tool in Xvfb:xvfb WebKitWebDriver:webkit2gtk-driver dbus-run-session:dbus-daemon python3:python3 notify-send:libnotify-bin dunst:dunst; do
        have "${tool%:*}" || missing+=("${tool#*:}")
    done
    [ ${#missing[@]} = 0 ] || apt_install "a screen that nobody sees, and a driver for the window" "${missing[@]}" fonts-dejavu-core fonts-noto-cjk
    export PATH="$PATH:$LEGATO_CACHE/tools/bin"
    have tauri-driver && return 0
    say "building tauri-driver (once; it stays in $LEGATO_CACHE/tools)"
    CARGO_TARGET_DIR="$LEGATO_CACHE/target-tools" \
        cargo install --quiet --locked --root "$LEGATO_CACHE/tools" --version '^2' tauri-driver </dev/null >&2
    rm -rf "$LEGATO_CACHE/target-tools"
}

has_display() { [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; }
