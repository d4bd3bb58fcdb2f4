# shellcheck shell=bash
# How other systems are type-checked; sourced after lib.sh. `cargo check` needs each target's standard library, had
# from the first of these that works:
#   1. targets that the toolchain already has (rustup target add, as in the workflow);
#   2. Debian's rustc-web and rust-web-src: a newer Rust with the library's source,
#      which cargo's -Zbuild-std compiles for any target;
#   3. rustup target add.

# What the script that sources this was given.
TARGETS="${*:-x86_64-pc-windows-gnu aarch64-apple-darwin aarch64-apple-ios aarch64-linux-android}"

# One folder for all targets, so that build scripts and macros are built once.
export CARGO_TARGET_DIR="$LEGATO_CACHE/target-cross"

# check_all WHO ARGUMENT...: `cargo check` with these arguments for each of $TARGETS.
check_all() {
    local who="$1" how target
    shift
    how="$(find_standard_library)"
    say "$who: standard libraries from $how"
    if [ "$how" = "Debian's rustc-web" ]; then use_debian_rust; fi
    have xcrun || pretend_to_have_xcode
    for target in $TARGETS; do check_one "$who" "$target" "$@"; done
}

find_standard_library() {
    if toolchain_has_all; then echo "the installed toolchain"
    elif debian_rust_is_there || install_debian_rust; then echo "Debian's rustc-web"
    elif add_rustup_targets; then echo "rustup"
    else
        die "no standard library for other systems: apt has no rustc-web of Rust $(oldest_rust) or newer (Debian has one, Ubuntu has not), and rustup could not add: $TARGETS"
    fi
}

toolchain_has_all() {
    local target
    for target in $TARGETS; do
        [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] || return 1
    done
}

# Its compiler and its source have one version; the linker tools are for std, which
# makes Windows import libraries even in a check.
debian_rust_is_there() {
    [ -d "$(debian_source)" ] && have x86_64-w64-mingw32-dlltool && new_enough "$(/usr/bin/rustc --version | cut -d' ' -f2)"
}

debian_source() { echo "$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library"; }

new_enough() { [ -n "$1" ] && at_least "$(oldest_rust)" "$1"; }

install_debian_rust() {
    have apt-get || return 1
    new_enough "$(candidate)" || { apt_update; new_enough "$(candidate)" || return 1; }
    apt_install "Rust with the standard library's source, to type-check for other systems; beside your own Rust, not instead of it" \
        rustc-web rust-web-src binutils-mingw-w64-x86-64
    debian_rust_is_there
}

candidate() { apt-cache policy rustc-web 2>/dev/null | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p'; }

add_rustup_targets() {
    # shellcheck disable=SC2086
    have rustup && timeout 600 rustup target add $TARGETS >&2
}

BUILD_STD=()
use_debian_rust() {
    # -Zbuild-std is a nightly flag that this compiler, a stable one, takes when told to.
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
    unset RUSTC_WRAPPER RUSTUP_TOOLCHAIN
    BUILD_STD=("-Zbuild-std=std,panic_abort")
}

# Build scripts ask Xcode where the system's headers are; any folder will do.
pretend_to_have_xcode() {
    local pretended="$LEGATO_CACHE/no-xcode"
    mkdir -p "$pretended/sdk" "$pretended/bin"
    printf '#!/bin/sh\necho "%s"\n' "$pretended/sdk" >"$pretended/bin/xcrun"
    chmod +x "$pretended/bin/xcrun"
    export PATH="$PATH:$pretended/bin" SDKROOT="$pretended/sdk"
}

check_one() {
    local who="$1" target="$2" name="${2//-/_}" started=$EPOCHSECONDS
    shift 2
    # Build scripts that compile C get a compiler that compiles nothing: a check never links.
    export "CC_$name=$PWD/scripts/stub-cc" "CXX_$name=$PWD/scripts/stub-cc" "AR_$name=ar"
    # The same for libopus, which CMake would build.
    export "CMAKE_$name=$PWD/scripts/stub-cmake"
    # The workspace optimises dependencies, macros too; here nothing runs but macros.
    cargo check --quiet --target "$target" --config 'profile.dev.package."*".opt-level=0' "${BUILD_STD[@]}" "$@"
    say "$who: $target: $((EPOCHSECONDS - started)) s"
}
