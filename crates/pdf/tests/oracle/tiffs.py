"""Writes TIFFs of every kind that Pillow writes, and what Pillow sees in them; and those that it only reads.

usage: tiffs.py FOLDER
stdout: one line per file, its path, a tab, the path of the same picture as a PNG (upright, in the file's own kind of
pixels reduced to 8 bits), a tab, the most that a sample may differ.
"""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy
from PIL import Image, ImageOps

folder = Path(sys.argv[1])
generator = numpy.random.default_rng(14)
W, H = 83, 61

ramp = numpy.add.outer(numpy.arange(H) * 2, numpy.arange(W) * 3).astype(numpy.uint8)
noise = generator.integers(0, 256, (H, W, 3), dtype=numpy.uint8)
smooth = numpy.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=2) // 2 + 60
grey, colour = Image.fromarray(ramp), Image.fromarray(noise)
bits = Image.fromarray(((noise[:, :, 0] < 40) | (ramp > 200)).astype(numpy.uint8) * 255).convert("1", dither=0)
alpha = Image.fromarray(numpy.dstack([noise, ramp]))
palette = Image.fromarray(smooth.astype(numpy.uint8)).quantize(17)
wide = Image.fromarray((ramp.astype(numpy.uint16) << 8) + 77)
cmyk = Image.fromarray(numpy.dstack([noise, ramp // 2]), "CMYK")


def over_white(image):
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def inked(image):
    """The plain formula for inks, which is all there is without a profile."""
    a = numpy.asarray(image).astype(int)
    return Image.fromarray((((255 - a[..., :3]) * (255 - a[..., 3:]) + 127) // 255).astype(numpy.uint8))


def case(name, image, expected, tolerance=0, **options):
    path = folder / f"{name}.tif"
    image.save(path, **options)
    with Image.open(path) as again:
        seen = expected(again)
        seen = ImageOps.exif_transpose(seen) if "tiffinfo" in options else seen
    target = path.with_suffix(".png")
    seen.save(target)
    print(path, target, tolerance, sep="\t")


plain = lambda image: image.copy()
rgb = lambda image: image.convert("RGB")
for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
    short = compression.replace("tiff_", "")
    case(f"bits-{short}", bits, plain, compression=compression)
    case(f"grey-{short}", grey, plain, compression=compression)
    case(f"colour-{short}", colour, plain, compression=compression)
    case(f"palette-{short}", palette, rgb, compression=compression)
    case(f"alpha-{short}", alpha, over_white, 1, compression=compression)
    case(f"wide-{short}", wide, lambda image: Image.fromarray((numpy.asarray(image) >> 8).astype(numpy.uint8)), compression=compression)
    case(f"cmyk-{short}", cmyk, inked, 1, compression=compression)
for compression in ("group3", "group4", "tiff_ccitt"):
    case(f"fax-{compression}", bits, plain, compression=compression)
case("fax-group3-2d", bits, plain, compression="group3", tiffinfo={292: 1})
# Two decoders of JPEG differ by rounding.
case("jpeg-grey", grey, plain, 2, compression="jpeg")
case("jpeg-colour", Image.fromarray(smooth.astype(numpy.uint8)), rgb, 4, compression="jpeg")
for predictor in ("tiff_lzw", "tiff_adobe_deflate"):
    case(f"predicted-{predictor}", colour, plain, compression=predictor, tiffinfo={317: 2})
    case(f"predicted-wide-{predictor}", wide, lambda image: Image.fromarray((numpy.asarray(image) >> 8).astype(numpy.uint8)), compression=predictor, tiffinfo={317: 2})
case("strips", colour, plain, compression="tiff_lzw", strip_size=W * 3 * 7)
for orientation in range(1, 9):
    case(f"turned-{orientation}", colour, plain, compression="tiff_lzw", tiffinfo={274: orientation})
    case(f"turned-bits-{orientation}", bits, plain, compression="group4", tiffinfo={274: orientation})


def by_hand(name, samples, order, planar, tile, packing, tolerance=0):
    """A layout that Pillow reads and does not write: bytes in either order, planes apart, tiles, strips of 16 rows."""
    bits = samples.dtype.itemsize * 8
    height, width, depth = samples.shape
    planes = [samples[..., n : n + 1] for n in range(depth)] if planar else [samples]
    wide, high = tile or (width, 16)

    def packed(part):
        if packing == 7:
            out = io.BytesIO()
            Image.fromarray(part.squeeze()).save(out, "JPEG", quality=97, subsampling=0)
            return out.getvalue()
        if packing == 8:
            part = part.astype(part.dtype)
            part[:, 1:] -= part[:, :-1].copy()
        data = part.astype(part.dtype.newbyteorder(order)).tobytes()
        return zlib.compress(data) if packing == 8 else data

    chunks = []
    for plane in planes:
        for top in range(0, height, high):
            for left in range(0, width, wide):
                part = plane[top : top + high, left : left + wide]
                if tile:
                    part = numpy.pad(part, ((0, high - part.shape[0]), (0, wide - part.shape[1]), (0, 0)), mode="edge")
                chunks.append(packed(part))
    data, offsets = b"", []
    for chunk in chunks:
        offsets.append(8 + len(data))
        data += chunk + b"\0" * (len(chunk) % 2)
    lengths = [len(chunk) for chunk in chunks]
    tags = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * depth), (259, 3, [packing])]
    tags += [(262, 3, [1 if depth == 1 else 2]), (277, 3, [depth]), (284, 3, [2 if planar else 1])]
    tags += [(322, 3, [wide]), (323, 3, [high]), (324, 4, offsets), (325, 4, lengths)] if tile else []
    tags += [] if tile else [(273, 4, offsets), (278, 3, [high]), (279, 4, lengths)]
    tags += [(317, 3, [2])] if packing == 8 else []
    entries, more = b"", b""
    directory = 8 + len(data)
    for tag, kind, values in sorted(tags):
        value = b"".join(struct.pack(order + {3: "H", 4: "I"}[kind], v) for v in values)
        if len(value) > 4:
            at = directory + 2 + 12 * len(tags) + 4 + len(more)
            more += value
            value = struct.pack(order + "I", at)
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + value.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", directory)
    path = folder / f"{name}.tif"
    path.write_bytes(head + data + struct.pack(order + "H", len(tags)) + entries + b"\0" * 4 + more)
    shown = (samples >> 8).astype(numpy.uint8) if bits == 16 else samples
    # The writer above is judged, too, where Pillow reads what it wrote.
    try:
        seen = numpy.asarray(Image.open(path)).reshape(shown.shape[:2] + (-1,))
    except Exception:
        seen = None
    if seen is not None and seen.dtype == samples.dtype and seen.shape == samples.shape:
        worst = numpy.abs(seen.astype(int) - samples).max()
        assert worst <= tolerance, (name, worst)
        read.append(name)
    target = path.with_suffix(".png")
    Image.fromarray(shown.squeeze()).save(target)
    print(path, target, tolerance, sep="\t")


read = []
fine = numpy.dstack([ramp, ramp[::-1], noise[:, :, 0]])
deep = (fine.astype(numpy.uint16) << 8) + 0x5A
for order, end in (("<", "ii"), (">", "mm")):
    for planar in (False, True):
        for tile in (None, (32, 16), (64, 64)):
            for packing, short in ((1, "plain"), (8, "predicted")):
                of = f"{end}-{'apart' if planar else 'together'}-{tile[0] if tile else 'strips'}-{short}"
                by_hand(f"hand-8-{of}", fine, order, planar, tile, packing)
                by_hand(f"hand-16-{of}", deep, order, planar, tile, packing)
                if not planar:
                    by_hand(f"hand-grey-{of}", ramp[..., None], order, planar, tile, packing)
                    by_hand(f"hand-grey-16-{of}", deep[..., :1], order, planar, tile, packing)
    # Planes that are each a JPEG in grey.
    smooth_planes = smooth.astype(numpy.uint8)
    by_hand(f"hand-jpeg-{end}-apart", smooth_planes, order, True, None, 7, 4)
    by_hand(f"hand-jpeg-{end}-apart-tiles", smooth_planes, order, True, (32, 32), 7, 4)
assert len(read) >= 20, f"Pillow read only {len(read)} of what was written by hand"
