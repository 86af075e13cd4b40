#!/usr/bin/env bash
# Trims the same files with other people's tools and with ours, in turns: `cargo xtask bench pdf --rivals`.
# Arguments are parts to measure anew (500, 5000, packed, 50000, scan, inside, look); without any, all. A first argument
# `small` takes the whole program over real PDFs instead: those of the shared corpus and 200 out of Debian's packages, or
# those of the folders that follow.
# Writes benches/results/pdf.md and pdf.svg from all parts measured so far.
set -euo pipefail
cd "$(dirname "$0")/../../.."
if [ "${1:-}" = small ]; then
    shift
    if [ $# -eq 0 ]; then
        bash benches/rivals/pdf/real.sh target/rivals/pdf/real 200 || echo "Debian's PDFs are not to be had" >&2
        set -- ../shared/corpus target/rivals/pdf/real
    fi
    cargo build --release --package sealpress-cli --bin sealpress
    for folder; do
        [ ! -d "$folder" ] || python3 benches/rivals/pdf/small.py target/release/sealpress 5 "$folder"
    done
    exit
fi
# In one piece and at a fixed address, as a tool for such short runs would be linked: loading libraries and
# moving itself would take a program of this size as long as the trimming does.
cargo rustc --release --package sealpress-benches --bin pdf-worker -- -C relocation-model=static -C target-feature=+crt-static
rivals=target/rivals/pdf
if ! "$rivals/bin/python" -c 'import pikepdf, pypdf' 2>/dev/null; then
    python3 -m venv "$rivals"
    "$rivals/bin/python" -m pip install --quiet pikepdf==10.17.0 pypdf==7.1.0
fi
"$rivals/bin/python" benches/rivals/pdf/run.py target/release/pdf-worker "$rivals" "$@"
