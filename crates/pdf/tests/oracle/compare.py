"""Renders the pages of input and output with pdfium and compares them.

stdin: one line per file, `input<TAB>output<TAB>kept pages, comma-separated`.
stdout: one line per file, `same` or `skipped` or `differs`, a tab, the input, a tab, why.
"""
import sys

import numpy
import pypdfium2

# Points are rendered one to one and a half: 108 dpi shows hairlines and small print.
SCALE = 1.5
# A page is the same when this share of its pixels is within one grey level.
SHARE = 0.999


def opened(path):
    document = pypdfium2.PdfDocument(path)
    try:
        document.init_forms()
    except Exception:
        pass
    return document


def picture(document, index):
    page = document[index]
    # Posters are compared at a size that fits into memory.
    scale = min(SCALE, 4000 / max(page.get_size()))
    return page.render(scale=scale, may_draw_forms=True, rev_byteorder=True).to_numpy()[:, :, :3].astype(numpy.int16)


def compare(source, output, kept):
    try:
        before = opened(source)
    except pypdfium2.PdfiumError as e:
        return "skipped", f"pdfium does not open the input: {e}"
    after = opened(output)
    if len(after) != len(kept):
        return "differs", f"{len(after)} pages instead of {len(kept)}"
    notes = []
    for index, number in enumerate(kept):
        try:
            expected = picture(before, number - 1)
        except (pypdfium2.PdfiumError, IndexError):
            notes.append(f"page {number} does not render in the input")
            continue
        found = picture(after, index)
        if expected.shape != found.shape:
            return "differs", f"page {number}: {found.shape} instead of {expected.shape}"
        near = numpy.abs(expected - found).max(axis=2) <= 1
        if near.mean() < SHARE:
            return "differs", f"page {number}: only {near.mean():.4%} of the pixels are the same"
    return "same", "; ".join(notes)


for line in sys.stdin:
    source, output, kept = line.rstrip("\n").split("\t")
    try:
        verdict, why = compare(source, output, [int(n) for n in kept.split(",")])
    except Exception as e:
        verdict, why = "differs", f"{type(e).__name__}: {e}"
    print(verdict, source, why, sep="\t", flush=True)
