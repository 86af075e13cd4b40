"""Whether a TIFF's colours are those of the PDF that was made of it.

usage: profile.py make PROFILE TIFF       writes a TIFF of saturated colours in this profile, two pages of it; where there
                                          is no such file, in a profile of inks, which it writes
       profile.py judge PROFILE TIFF PDF  how far pdfium's page is from what the profile says, and from the bare samples:
                                          two numbers, mean levels of a sample
"""

import io
import itertools
import os
import struct
import sys

import numpy
from PIL import Image, ImageCms


def inks():
    """A printer's profile with a table of sixteen colours: full or no ink of four, inks that nobody prints with."""
    # L, a, b as a table of bytes has them.
    paper, colours = numpy.array([255, 128, 128.0]), ([140, 168, 90], [150, 120, 190], [210, 100, 60], [0, 128, 128])
    table = b""
    for amounts in itertools.product((0, 1), repeat=4):
        seen = paper.copy()
        for amount, colour in zip(amounts, colours):
            share = numpy.array(colour) / paper if amount else 1
            seen = seen * share
        table += bytes(int(n) for n in seen.clip(0, 255))
    one = struct.pack(">i", 65536)
    nothing = bytes(4)
    matrix = (one + 3 * nothing) * 2 + one
    steps = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + steps * 4 + table + steps * 3
    text = lambda words: b"text" + bytes(4) + words + b"\0"
    desc = lambda words: b"desc" + bytes(4) + struct.pack(">I", len(words) + 1) + words + b"\0" + bytes(78)
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061)
    tags = [(b"desc", desc(b"inks")), (b"cprt", text(b"none")), (b"wtpt", white), (b"A2B0", lut)]
    at, data, index = 132 + 12 * len(tags), b"", struct.pack(">I", len(tags))
    for name, body in tags:
        body += bytes(-len(body) % 4)
        index += name + struct.pack(">II", at + len(data), len(body))
        data += body
    head = struct.pack(">I", at + len(data)) + bytes(4) + bytes([2, 0x40, 0, 0]) + b"prtrCMYKLab "
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp"
    head = head.ljust(68, b"\0") + white[8:]
    return head.ljust(128, b"\0") + index + data


mode, profile, tiff = sys.argv[1:4]
if mode == "make":
    steps = numpy.linspace(0, 255, 96).astype(numpy.uint8)
    planes = [steps[None, :], steps[::-1, None], numpy.uint8(40)]
    if not os.path.exists(profile):
        with open(profile, "wb") as file:
            file.write(inks())
        planes.append(numpy.uint8(20))
    patches = numpy.stack(numpy.broadcast_arrays(*planes), axis=2)
    page = Image.fromarray(numpy.ascontiguousarray(patches), {3: "RGB", 4: "CMYK"}[len(planes)])
    turned = page.transpose(Image.Transpose.ROTATE_180)
    with open(profile, "rb") as file:
        page.save(tiff, save_all=True, append_images=[turned], icc_profile=file.read(), dpi=(72, 72))
else:
    import pypdfium2

    page = Image.open(tiff)
    with open(profile, "rb") as file:
        source = ImageCms.ImageCmsProfile(io.BytesIO(file.read()))
    meant = ImageCms.profileToProfile(page, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    shown = pypdfium2.PdfDocument(sys.argv[4])[0].render(scale=1, rev_byteorder=True).to_numpy()[:, :, :3].astype(int)
    away = lambda picture: numpy.abs(shown - numpy.asarray(picture.convert("RGB")).astype(int)).mean()
    print(away(meant), away(page))
