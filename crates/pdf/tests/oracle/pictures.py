"""Holds pictures of pages against pdfium's.

stdin: one line per page, `document<TAB>page<TAB>picture<TAB>1 if something of it was said to be missing`.
stdout: one line per page, `same` or `named` or `skipped` or `differs`, a tab, the document, a tab, why.
"""
import sys

import numpy
import pypdfium2
from PIL import Image

# Pixels of a side that are averaged: two renderers place edges differently, not letters.
BLOCK = 16
# Blocks whose grey differs by more than this are another picture …
GREY = 48
# … and so many of them may.
SHARE = 0.01


def blocks(grey):
    height, width = (side - side % BLOCK for side in grey.shape)
    cut = grey[:height, :width].astype(float)
    return cut.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).mean(axis=(1, 3))


def compare(source, number, picture):
    ours = Image.open(picture).convert("L")
    try:
        document = pypdfium2.PdfDocument(source)
        try:
            document.init_forms()
        except Exception:
            pass
        page = document[number - 1]
        scale = ours.width / page.get_width()
        theirs = page.render(scale=scale, may_draw_forms=True).to_pil().convert("L")
    except (pypdfium2.PdfiumError, IndexError) as e:
        return "skipped", f"pdfium does not draw page {number}: {e}"
    if abs(theirs.width - ours.width) > 2 or abs(theirs.height - ours.height) > 2:
        return "differs", f"page {number}: {ours.size} instead of {theirs.size}"
    if min(ours.size) < BLOCK:
        return "skipped", f"page {number} is too small to compare"
    theirs = theirs.resize(ours.size)
    apart = numpy.abs(blocks(numpy.asarray(ours)) - blocks(numpy.asarray(theirs))) > GREY
    if apart.mean() > SHARE:
        return "differs", f"page {number}: {apart.mean():.2%} of its blocks differ"
    return "same", ""


for line in sys.stdin:
    source, number, picture, named = line.rstrip("\n").split("\t")
    try:
        verdict, why = compare(source, int(number), picture)
    except Exception as e:
        verdict, why = "differs", f"{type(e).__name__}: {e}"
    if verdict == "differs" and named == "1":
        verdict = "named"
    print(verdict, source, why, sep="\t", flush=True)
