#!/usr/bin/env bash
# The kernel tests on CPUs that this machine is not, through qemu's user mode. Emulation is
# much slower, so the exhaustive test takes fewer lengths and alignments there. qemu knows
# neither AVX-512 nor the SHA extensions: those kernels are tested on the real CPU only.
set -euo pipefail
cd "$(dirname "$0")/.."

skipped() { echo "SKIPPED: cpus.sh: $*" >&2; }

if ! command -v qemu-x86_64 >/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "cpus.sh: installing qemu-user, which emulates the other CPUs"
        apt-get install -y -q qemu-user >/dev/null || { apt-get update -q && apt-get install -y -q qemu-user; } >/dev/null
    else
        skipped "qemu-x86_64 is not installed (Debian and Ubuntu: apt install qemu-user)"
        exit 0
    fi
fi

# Builds the tests and prints the programs; "$@" may name a target.
programs() {
    cargo test --quiet "$@" --test kernels --test pieces --test fused --no-run --message-format=json |
        sed -nE 's/.*"kind":\["test"\].*"executable":"([^"]+)".*/\1/p'
}

# run EMULATOR CPU EXPECTED PROGRAM...: every program on one CPU, which has to choose this kernel.
run() {
    local emulator=$1 cpu=$2 expected=$3
    shift 3
    echo "cpus.sh: $emulator -cpu $cpu, kernel $expected"
    for program in "$@"; do
        SEALPRESS_QUICK=1 PROPTEST_CASES=32 SEALPRESS_EXPECT_KERNEL=$expected "$emulator" -cpu "$cpu" "$program" --quiet \
            2> >(grep -v "TCG doesn't support requested feature" >&2)
    done
}

if [ "$(uname -m)" = x86_64 ]; then
    mapfile -t built < <(programs)
    [ "${#built[@]}" -ge 3 ] || { echo "cpus.sh: expected three test programs, built: ${built[*]}" >&2; exit 1; }
    run qemu-x86_64 qemu64 portable "${built[@]}"
    run qemu-x86_64 Nehalem ssse3 "${built[@]}"
    run qemu-x86_64 Haswell avx2 "${built[@]}"
else
    skipped "the x86-64 CPUs need an x86-64 machine to build for"
fi

arm=aarch64-unknown-linux-musl
if ! command -v qemu-aarch64 >/dev/null; then
    skipped "NEON: qemu-aarch64 is not installed (apt install qemu-user)"
elif ! rustc --print target-libdir --target $arm 2>/dev/null | xargs -I{} test -d {}; then
    skipped "NEON: the target is not installed (rustup target add $arm)"
else
    # The musl target brings its own start files and C library: no cross compiler is needed.
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
    mapfile -t built < <(programs --target $arm)
    [ "${#built[@]}" -ge 2 ] || { echo "cpus.sh: expected test programs for $arm, built: ${built[*]}" >&2; exit 1; }
    run qemu-aarch64 max neon "${built[@]}"
fi
