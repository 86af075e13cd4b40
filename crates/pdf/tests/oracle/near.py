"""How far the first pages of two PDFs are from each other as pdfium shows them: mean levels of a sample.

usage: near.py INPUT OUTPUT
"""

import sys

import numpy
import pypdfium2

shown = [
    pypdfium2.PdfDocument(path)[0].render(scale=1, rev_byteorder=True).to_numpy()[:, :, :3].astype(int)
    for path in sys.argv[1:3]
]
assert shown[0].min() < 200, "a page of nothing says nothing"
print(numpy.abs(shown[0] - shown[1]).mean())
