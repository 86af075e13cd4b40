#!/usr/bin/env bash
# Trims the same files with other people's tools and with ours, in turns: `cargo xtask bench pdf --rivals`.
# Arguments are parts to measure anew (500, 5000, packed, 50000, scan, inside, look); without any, all.
# Writes benches/results/pdf.md and pdf.svg from all parts measured so far.
set -euo pipefail
cd "$(dirname "$0")/../../.."
# In one piece and at a fixed address, as a tool for such short runs would be linked: loading libraries and
# moving itself would take a program of this size as long as the trimming does.
cargo rustc --release --package sealpress-benches --bin pdf-worker -- -C relocation-model=static -C target-feature=+crt-static
rivals=target/rivals/pdf
if ! "$rivals/bin/python" -c 'import pikepdf, pypdf' 2>/dev/null; then
    python3 -m venv "$rivals"
    "$rivals/bin/python" -m pip install --quiet pikepdf==10.17.0 pypdf==7.1.0
fi
"$rivals/bin/python" benches/rivals/pdf/run.py target/release/pdf-worker "$rivals" "$@"
