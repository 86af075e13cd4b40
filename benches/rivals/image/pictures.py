"""Which files are raced, and what kind of work each is."""

import pathlib
import re

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"}
# The side that everything is brought down to.
BOX = 1920
# Beyond this a decoder refuses, here as elsewhere.
MOST_PIXELS = 80_000_000
KINDS = ["halved", "not halved", "Display P3", "progressive", "HEIC", "PNG", "WebP"]


def chosen(arguments):
    """The files named, and of folders all pictures that have to be shrunk."""
    files = []
    for argument in map(pathlib.Path, arguments):
        if argument.is_dir():
            found = sorted(p for p in argument.rglob("*") if p.suffix.lower() in ENDINGS)
            files += [str(p) for p in found if shrinks(p)]
        else:
            files.append(str(argument))
    return files


def shrinks(path):
    sides = size(path.read_bytes())
    return sides is not None and max(sides) > BOX and min(sides) > 0 and sides[0] * sides[1] <= MOST_PIXELS


def format_of(data):
    if data.startswith(b"\xff\xd8"):
        return "jpeg"
    if data.startswith(b"\x89PNG"):
        return "png"
    return "webp" if data[8:12] == b"WEBP" else "heic"


def kind(path):
    """Of JPEGs what the decoder can do with them: profiles cost a conversion, several scans a pass each, and
    only what is twice as large as the result can be halved on the way."""
    data = pathlib.Path(path).read_bytes()
    format = format_of(data)
    if format != "jpeg":
        return {"png": "PNG", "webp": "WebP", "heic": "HEIC"}[format]
    marker, sides, profile = frame(data)
    if marker == 0xC2:
        return "progressive"
    if b"Display P3" in profile or "Display P3".encode("utf-16-be") in profile:
        return "Display P3"
    return "halved" if max(sides) >= 2 * BOX else "not halved"


def frame(jpeg):
    """The frame's marker and size, and the profile before it; segments are walked, thumbnails inside them are not."""
    at, profile = 2, b""
    while at + 9 < len(jpeg):
        if jpeg[at] != 0xFF:
            break
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == 0xFF:
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            sides = int.from_bytes(jpeg[at + 7 : at + 9], "big"), int.from_bytes(jpeg[at + 5 : at + 7], "big")
            return marker, sides, profile
        if marker == 0xE2 and jpeg[at + 4 : at + 15] == b"ICC_PROFILE":
            profile += jpeg[at + 18 : at + 2 + length]
        at += 2 + length
    return None, None, profile


def size(data):
    """Width and height as the header says, or `None`."""
    match format_of(data):
        case "jpeg":
            return frame(data)[1]
        case "png":
            return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
        case "webp":
            return webp_size(data)
    # The largest of all items is the picture, or the canvas of its tiles.
    sides = [(int.from_bytes(m[1][4:8], "big"), int.from_bytes(m[1][8:12], "big")) for m in re.finditer(rb"ispe(.{12})", data, re.S)]
    return max(sides, key=lambda s: s[0] * s[1], default=None)


def webp_size(data):
    little = lambda at, bytes: int.from_bytes(data[at : at + bytes], "little")
    match data[12:16]:
        case b"VP8X":
            return little(24, 3) + 1, little(27, 3) + 1
        case b"VP8L":
            bits = little(21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return little(26, 2) & 0x3FFF, little(28, 2) & 0x3FFF
    return None
