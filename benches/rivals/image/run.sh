#!/usr/bin/env bash
# Sends the same photos through other people's tools and ours, in turns: `cargo xtask bench image --rivals`.
# Arguments are photos and folders of photos; without any, the real photos of the shared corpus. A first
# argument `choices` compares our own filters and qualities instead, `two` tells what a second worker adds.
set -euo pipefail
cd "$(dirname "$0")/../../.."
cargo build --release --package sealpress-benches --bin image-worker
home=target/rivals/image
if ! "$home/venv/bin/python" -c 'import PIL, pillow_heif, pyvips, cv2, ssimulacra2' 2>/dev/null; then
    python3 -m venv "$home/venv"
    "$home/venv/bin/python" -m pip install --quiet Pillow pillow-heif pyvips pyvips-binary opencv-python-headless ssimulacra2 numpy
fi
if [ ! -d "$home/node_modules/sharp" ]; then
    npm install --silent --no-audit --no-fund --prefix "$home" sharp@0.35.5
fi
out=results mode=
if [ "${1:-}" = choices ]; then
    shift
    out=choices mode=--choices
fi
two=
if [ "${1:-}" = two ]; then
    shift
    two=yes
fi
if [ $# -eq 0 ]; then
    corpus=../shared/corpus
    if [ ! -d "$corpus" ]; then
        echo "there are no real photos in ../shared/corpus; name a folder that has some" >&2
        exit 1
    fi
    set -- "$corpus"/photos "$corpus"/documents "$corpus"/phone-jpeg "$corpus"/heic "$corpus"/png "$corpus"/webp
fi
if [ "$two" ]; then
    exec python3 benches/rivals/image/two.py target/release/image-worker "$@"
fi
mkdir -p "$home"
"$home/venv/bin/python" benches/rivals/image/run.py --worker target/release/image-worker --home "$home" --out "$home/$out" $mode "$@"
cat "$home/$out.md"
