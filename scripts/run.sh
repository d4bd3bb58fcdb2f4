# shellcheck shell=bash
# A server on this machine, and people on it; sourced after lib.sh by whoever starts one.

# build legato ...: these programs. One line that counts, instead of three hundred that scroll.
# With the features of the whole workspace, as the tests are built: another choice would compile hundreds of crates again.
build() {
    local program arguments=(--workspace) crates log="$LEGATO_CACHE/run-build.log"
    for program in "$@"; do arguments+=(--bin "$program"); done
    crates="$(crates_to_build "$@")"
    mkdir -p "$LEGATO_CACHE"
    say "building $* (minutes the first time, seconds after)"
    cargo build "${arguments[@]}" 2>&1 |
        tee "$log" | progress "$crates" || { tail -n 20 "$log" >&2; die "the build failed; all of it is in $log"; }
    bin="$CARGO_TARGET_DIR/debug"
}

package_of() { if [ "$1" = ntm-server ]; then echo ntm-servers; else echo "$1"; fi; }

crates_to_build() {
    local program packages=()
    for program in "$@"; do packages+=(--package "$(package_of "$program")"); done
    cargo tree --quiet --locked "${packages[@]}" --edges normal,build --prefix none 2>/dev/null |
        sed 's/ (.*//' | sort -u | wc -l
}

progress() {
    local terminal=''
    [ ! -t 2 ] || terminal=1
    awk -v all="$1" -v terminal="$terminal" '
        /^ *Compiling / {
            n++
            if (terminal) printf "\r  %d of about %d crates ", n, all > "/dev/stderr"
            else if (n % 100 == 0) printf "  %d of about %d crates\n", n, all > "/dev/stderr"
        }
        END { if (terminal && n) printf "\r%40s\r", "" > "/dev/stderr" }'
}

start_server() {
    local server="$work/server"
    touch "$work/ntm-server.toml"
    NTM_CONFIG="$work/ntm-server.toml" NTM_DATA_DIR="$server" NTM_PUBLIC_ADDRESSES=127.0.0.1 \
        NTM_AS__LISTEN=127.0.0.1:0 NTM_DC__LISTEN=127.0.0.1:0 NTM_RS__LISTEN=127.0.0.1:0 \
        "$bin/ntm-server" run --ready-file "$work/ready.json" >"$work/server.log" 2>&1 &
    server_pid=$!
    await "the server" "$server_pid" "$work/server.log" test -s "$work/ready.json"
    await "the set-up link" "$server_pid" "$work/server.log" grep -q 'legato://' "$work/server.log"
    first_invitation="$(grep -o 'legato://[^[:space:]"]*' "$work/server.log" | head -n 1)"
    say "ntm-server is up: AS, DC and RS in one process, SQLite in $server"
}

start_echo() {
    "$bin/legato-cli" --profile "$work/echo" echo >"$work/echo.log" 2>&1 &
    echo_pid=$!
    await "echo" "$echo_pid" "$work/echo.log" grep -q 'on the air' "$work/echo.log"
}

# await "what" PID LOG command...: until the command succeeds, for as long as the process lives.
await() {
    local what="$1" pid="$2" log="$3" tries=600
    shift 3
    until "$@"; do
        tries=$((tries - 1))
        if ! kill -0 "$pid" 2>/dev/null || [ "$tries" = 0 ]; then
            cat "$log" >&2
            die "$what did not come up"
        fi
        sleep 0.1
    done
}

as() {
    local who="$1"
    shift
    "$bin/legato-cli" --profile "$work/$who" "$@"
}

sign_up() { as "$1" sign-up --device laptop "$2" "$1" 2>"$work/$1.err" || { cat "$work/$1.err" >&2; exit 1; }; }

stop() {
    local status=$?
    for pid in ${echo_pid:-} ${server_pid:-}; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    [ -z "${work:-}" ] || rm -rf "$work"
    exit "$status"
}
