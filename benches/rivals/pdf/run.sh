#!/usr/bin/env bash
# Trims the same files with other people's tools and with ours, in turns: `cargo xtask bench pdf --rivals`.
# Arguments go to run.py: --runs N, --quick.
set -euo pipefail
cd "$(dirname "$0")/../../.."
cargo build --release --package sealpress-benches --bin pdf-worker
rivals=target/rivals/pdf
if ! "$rivals/bin/python" -c 'import pikepdf, pypdf' 2>/dev/null; then
    python3 -m venv "$rivals"
    "$rivals/bin/python" -m pip install --quiet pikepdf==10.17.0 pypdf==7.1.0
fi
"$rivals/bin/python" benches/rivals/pdf/run.py target/release/pdf-worker "$@"
