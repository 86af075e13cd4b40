"""Whether a TIFF's colours are those of the PDF that was made of it.

usage: profile.py make PROFILE TIFF       writes a TIFF of saturated colours in this profile, two pages of it
       profile.py judge PROFILE TIFF PDF  how far pdfium's page is from what the profile says, and from the bare samples:
                                          two numbers, mean levels of a sample
"""

import io
import sys

import numpy
from PIL import Image, ImageCms

mode, profile, tiff = sys.argv[1:4]
if mode == "make":
    steps = numpy.linspace(0, 255, 96).astype(numpy.uint8)
    patches = numpy.stack(numpy.broadcast_arrays(steps[None, :], steps[::-1, None], numpy.uint8(40)), axis=2)
    page = Image.fromarray(numpy.ascontiguousarray(patches))
    turned = page.transpose(Image.Transpose.ROTATE_180)
    with open(profile, "rb") as file:
        page.save(tiff, save_all=True, append_images=[turned], icc_profile=file.read(), dpi=(72, 72))
else:
    import pypdfium2

    page = Image.open(tiff).convert("RGB")
    with open(profile, "rb") as file:
        source = ImageCms.ImageCmsProfile(io.BytesIO(file.read()))
    meant = ImageCms.profileToProfile(page, source, ImageCms.createProfile("sRGB"))
    shown = pypdfium2.PdfDocument(sys.argv[4])[0].render(scale=1, rev_byteorder=True).to_numpy()[:, :, :3].astype(int)
    away = lambda picture: numpy.abs(shown - numpy.asarray(picture).astype(int)).mean()
    print(away(meant), away(page))
