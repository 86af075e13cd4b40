"""Looks with pdfium for ink that an output lacks.

stdin: one line per file, `input<TAB>output<TAB>kept pages<TAB>dropped pages<TAB>1 if a loss was named<TAB>the file
before it was damaged`. A page that looks as it did before the damage lacks nothing, whatever pdfium makes of the
damage.
stdout: one line per file, `same` or `named` or `skipped` or `lost`, a tab, the input, a tab, why.
"""
import sys

import numpy
import pypdfium2

# What pypdfium2 says of a page that pdfium does not draw.
UNSEEN = (pypdfium2.PdfiumError, IndexError, ValueError)
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


def missing(expected, found):
    """What of a page is not on another, or nothing."""
    if expected.shape != found.shape:
        if (expected < INK).mean() > SHARE:
            return f"{found.shape} instead of {expected.shape}"
        return None
    share = ((expected < INK) & ~spread(found < PAPER)).mean()
    return f"ink of {share:.3%} of its pixels is missing" if share > SHARE else None


def is_mended(original, number, found):
    """Whether a page looks as it did before the damage."""
    try:
        before = darkness(opened(original), number - 1)
    except UNSEEN:
        return False
    return before.shape == found.shape and missing(before, found) is None and missing(found, before) is None


def was_empty(original, number):
    """Whether a page had no ink before the damage."""
    try:
        return (darkness(opened(original), number - 1) < INK).mean() <= SHARE
    except UNSEEN:
        return False


def is_shown(page, document):
    """Whether some page of the document shows it: readers number the pages of a broken tree differently."""
    return any(missing(page, darkness(document, index)) is None for index in range(len(document)))


def lost(source, output, kept, dropped, original):
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
        except UNSEEN:
            continue
        if (page < INK).mean() > SHARE and not was_empty(original, number) and not is_shown(page, after):
            return "lost", f"page {number} was called empty and has ink"
    for index, number in enumerate(kept):
        try:
            expected = darkness(before, number - 1)
        except UNSEEN:
            continue
        found = darkness(after, index)
        why = missing(expected, found)
        if why and not is_mended(original, number, found) and not is_shown(expected, after):
            return "lost", f"page {number}: {why}"
    return "same", ""


for line in sys.stdin:
    source, output, kept, dropped, named, original = line.rstrip("\n").split("\t")
    numbers = lambda text: [int(n) for n in text.split(",") if n]
    try:
        verdict, why = lost(source, output, numbers(kept), numbers(dropped), original)
    except Exception as e:
        verdict, why = "lost", f"{type(e).__name__}: {e}"
    if verdict == "lost" and named == "1":
        verdict = "named"
    print(verdict, source, why, sep="\t", flush=True)
