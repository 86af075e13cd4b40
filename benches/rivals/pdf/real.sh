#!/usr/bin/env bash
# Real PDFs: `real.sh FOLDER COUNT` takes them out of Debian's packages, which are not installed. Of those of at most 2 MB,
# each once, the first by their SHA-256, so that the choice is nobody's.
set -euo pipefail
packages=(texlive-latex-recommended-doc texlive-humanities-doc lilypond-doc-pdf gnuplot-doc libtasn1-doc python-reportlab-doc)
folder=$1 count=$2
[ ! -d "$folder" ] || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && apt-get download --quiet "${packages[@]}")
for package in "$work"/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar x -C "$work" --wildcards '*.pdf' '*.pdf.gz' 2>/dev/null || true
done
find "$work" -name '*.pdf.gz' -type f -exec gunzip --force {} +
mkdir -p "$folder"
find "$work" -name '*.pdf' -type f -size -2048k -exec sha256sum {} + | sort -u -k1,1 | head -n "$count" |
    while read -r hash file; do mv "$file" "$folder/${hash:0:12}.pdf"; done
ls "$folder" | wc -l
