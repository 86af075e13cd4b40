#!/usr/bin/env bash
# Builds what the benches of the pipeline run and starts one of them:
#   run.sh race|journal|memory|machines|attempts|gateway [FLAGS]     (cargo xtask bench pipeline|journal|…)
set -euo pipefail
cd "$(dirname "$0")/../.."
name=$1
shift
cargo build --quiet --release --package sealpress-cli --bin sealpress
cargo build --quiet --release --package sealpress-backfill --example dry
cargo build --quiet --release --package sealpress-benches --bin photos --bin floor --bin proxy

for flag in "$@"; do
    [ "$flag" = --rivals ] || continue
    home=target/rivals/pipeline
    if ! "$home/venv/bin/python" -c 'import PIL, requests' 2>/dev/null; then
        python3 -m venv "$home/venv"
        "$home/venv/bin/python" -m pip install --quiet --disable-pip-version-check Pillow requests
    fi
    if [ ! -d "$home/node_modules/sharp" ] || [ ! -d "$home/node_modules/undici" ]; then
        npm install --silent --no-audit --no-fund --prefix "$home" sharp@0.35.5 undici@7
    fi
done
exec python3 "benches/pipeline/$name.py" "$@"
