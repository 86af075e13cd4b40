"""Looks with pdfium for ink that an output lacks.

stdin: one line per file, `input<TAB>output<TAB>kept pages<TAB>dropped pages<TAB>1 if a loss was named`.
stdout: one line per file, `same` or `named` or `skipped` or `lost`, a tab, the input, a tab, why.
"""
import sys

import numpy
import pypdfium2

# Half a pixel a point: hairlines are still seen, and a page takes a millisecond.
SCALE = 0.5
# A pixel has ink where a channel is below this …
INK = 200
# … and no ink is left of it in the output's pixel or those beside it.
PAPER = 245
# This share of the page's pixels may differ: what two renderings of one page differ by.
SHARE = 0.0005


def opened(path):
    document = pypdfium2.PdfDocument(path)
    try:
        document.init_forms()
    except Exception:
        pass
    return document


def darkness(document, index):
    page = document[index]
    scale = min(SCALE, 1500 / max(page.get_size()))
    picture = page.render(scale=scale, may_draw_forms=True, rev_byteorder=True).to_numpy()[:, :, :3]
    return picture.min(axis=2)


def spread(ink):
    """True where ink is in the pixel or next to it."""
    grown = ink.copy()
    grown[1:] |= ink[:-1]
    grown[:-1] |= ink[1:]
    wide = grown.copy()
    wide[:, 1:] |= grown[:, :-1]
    wide[:, :-1] |= grown[:, 1:]
    return wide


def lost(source, output, kept, dropped):
    try:
        before = opened(source)
    except pypdfium2.PdfiumError as e:
        return "skipped", f"pdfium does not open the input: {e}"
    after = opened(output)
    if len(after) != len(kept):
        return "lost", f"{len(after)} pages instead of {len(kept)}"
    for number in dropped:
        if number > len(before):
            continue
        try:
            page = darkness(before, number - 1)
        except (pypdfium2.PdfiumError, IndexError):
            continue
        if (page < INK).mean() > SHARE:
            return "lost", f"page {number} was called empty and has ink"
    for index, number in enumerate(kept):
        try:
            expected = darkness(before, number - 1)
        except (pypdfium2.PdfiumError, IndexError):
            continue
        found = darkness(after, index)
        if expected.shape != found.shape:
            if (expected < INK).mean() > SHARE:
                return "lost", f"page {number}: {found.shape} instead of {expected.shape}"
            continue
        missing = ((expected < INK) & ~spread(found < PAPER)).mean()
        if missing > SHARE:
            return "lost", f"page {number}: ink of {missing:.3%} of its pixels is missing"
    return "same", ""


for line in sys.stdin:
    source, output, kept, dropped, named = line.rstrip("\n").split("\t")
    numbers = lambda text: [int(n) for n in text.split(",") if n]
    try:
        verdict, why = lost(source, output, numbers(kept), numbers(dropped))
    except Exception as e:
        verdict, why = "lost", f"{type(e).__name__}: {e}"
    if verdict == "lost" and named == "1":
        verdict = "named"
    print(verdict, source, why, sep="\t", flush=True)
