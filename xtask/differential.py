"""The differential campaign on pictures: every file alone, in shuffled batches of one and two workers, in process and
in the isolated press, and turned by an orientation tag that forces a decode. Outcomes must be the same to the byte,
and what comes out must be what Pillow and pillow-heif make of the original.

One program does all that must be the same to the byte, since two may be made with different codecs below them.
`--normalize` names the example of the image crate, which decodes what would pass through.

usage: differential.py SEALPRESS [--normalize PROGRAM] [--corpus DIR]... [--shuffles N] [--keep DIR]
"""

import argparse
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import numpy
import pillow_heif
from PIL import Image, ImageCms, ImageOps

Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()

# A photo turned wrongly is below 20 dB; quality 85 and halved chroma of coloured bars leave more than this.
DECIBELS = 24.0
# Mean levels by which a picture may differ: what a wrong range or a wrong curve moves is more.
LEVELS = 4.0
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def kind(head):
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and (head[8:12] in HEIC or any(b in head[8:64] for b in HEIC)):
        return "heic"
    return None


def outcome(row):
    """What must not change: the bytes and what was said, or the refusal."""
    names = lambda notes: [n["name"] if isinstance(n, dict) else n for n in notes]
    if not row["ok"]:
        return ("refused", row["error"]["kind"])
    with open(row["output"], "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    return ("ok", digest, tuple(names(row["actions"])), tuple(names(row["warnings"])))


def rows(command, paths, stdin=None, **more):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env={**os.environ, **more})
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            # The program says `input`, the example `file`.
            path = row.get("input", row.get("file"))
            if path and "ok" in row:
                found[os.path.abspath(path)] = row
    missing = [p for p in paths if p not in found]
    if missing:
        sys.exit(f"{command[0]} said nothing about {len(missing)} files, {missing[0]} first\n{done.stderr[-2000:]}")
    return found


def in_process(program, paths, workers, out):
    return isolated(program, paths, workers, out, SEALPRESS_ISOLATION="off")


def isolated(program, paths, workers, out, **more):
    return rows([program, "prepare", *paths, "--out", out, "--json", "--jobs", str(workers)], paths, **more)


def decoded(program, paths, out):
    return rows([program, out, "2", "decode"], paths, "\n".join(paths) + "\n")


def with_lines(data):
    """A JPEG whose frame has the number of lines that stands behind its scan, which Pillow does not look for."""
    dnl = data.find(b"\xff\xdc\x00\x04")
    if dnl < 0 or not data.startswith(b"\xff\xd8"):
        return data
    at = 2
    while data[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data[: at + 5] + data[dnl + 4 : dnl + 6] + data[at + 7 :]


class NotJudged(Exception):
    """The other hand reads no files of this kind, be they sound or not."""


def is_sequence(data):
    """Whether a HEIC has moving pictures and no still one, which pillow-heif does not look for."""
    at, boxes = 0, set()
    while at + 8 <= len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        boxes.add(name)
        at += size if size >= 8 else len(data)
    return boxes & {b"ftyp", b"moov", b"meta"} == {b"ftyp", b"moov"}


def xyz_of_rgb(chromaticities):
    """From light of these primaries to XYZ, by the definition (SMPTE RP 177)."""
    (wx, wy), *primaries = (chromaticities[i : i + 2] for i in (0, 2, 4, 6))
    columns = numpy.array([[x, y, 1 - x - y] for x, y in primaries]).T
    white = numpy.array([wx / wy, 1, (1 - wx - wy) / wy])
    return columns * numpy.linalg.solve(columns, white), white


SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
BRADFORD = numpy.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def from_gamma(image, gamma, chromaticities):
    """What gAMA and cHRM say, which Pillow reads and leaves alone."""
    light = (numpy.asarray(image.convert("RGB"), float) / 255) ** (1 / gamma)
    if chromaticities and image.mode != "L":
        (source, white), (target, want) = xyz_of_rgb(chromaticities), xyz_of_rgb(SRGB)
        adapt = numpy.linalg.inv(BRADFORD) @ numpy.diag((BRADFORD @ want) / (BRADFORD @ white)) @ BRADFORD
        light = numpy.clip(light @ (numpy.linalg.inv(target) @ adapt @ source).T, 0, 1)
    srgb = numpy.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return Image.fromarray((srgb * 255 + 0.5).astype(numpy.uint8))


def original(path, early):
    """The picture as another hand reads it."""
    with open(path, "rb") as f:
        data = f.read()
    if kind(data[:64]) == "heic" and is_sequence(data):
        raise NotJudged
    return seen(Image.open(io.BytesIO(with_lines(data))), early)


def seen(image, early=False):
    """What a person sees of it: upright, in sRGB and on white, where it is laid before its colours are converted or
    behind that: what shines through half has two truths (PNG asks for light, browsers mix what is coded)."""
    image.load()
    info = image.info
    icc, gamma = info.get("icc_profile"), info.get("gamma")
    image = ImageOps.exif_transpose(image)
    alpha = None
    if image.mode in ("RGBA", "LA", "PA", "P") or "transparency" in info:
        image = image.convert("RGBA")
        alpha, image = image.getchannel("A"), image.convert("RGB")
        if early:
            alpha, image = None, Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    if image.mode.startswith("I"):
        image = Image.fromarray((numpy.asarray(image).astype(numpy.uint32) >> 8).astype(numpy.uint8))
    if icc and image.mode in ("RGB", "L", "CMYK"):
        try:
            image = in_srgb(image, icc)
        except ImageCms.PyCMSError:
            pass
    elif gamma and "srgb" not in info and image.mode in ("1", "RGB", "L"):
        image = from_gamma(image, gamma, info.get("chromaticity"))
    image = image.convert("RGB")
    return image if alpha is None else Image.composite(image, Image.new("RGB", image.size, "white"), alpha)


def in_srgb(image, icc):
    source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, source, srgb, renderingIntent=1, outputMode="RGB")


def judge(path, row):
    """What is wrong with a picture that came out; None where nothing is."""
    data = open(row["output"], "rb").read()
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except Exception as e:  # whatever a judge says against it
        return f"Pillow cannot read the output: {e}"
    if image.getexif() or b"Exif\0\0" in data or b"http://ns.adobe.com/xap" in data:
        return "metadata in the output"
    if max(image.size) > 1920:
        return f"outside of the box: {image.size}"
    warned = {w["name"] if isinstance(w, dict) else w for w in row["warnings"]}
    try:
        wants = [original(path, early) for early in (False, True)]
    except NotJudged:
        return None
    except Exception as e:
        # Damage that Pillow refuses must have been said.
        return None if warned else f"Pillow cannot read the original: {e}"
    size = wants[0].size
    fit = min(1.0, 1920 / max(size))
    if any(abs(a * fit - b) > 1 for a, b in zip(size, image.size)):
        return f"of size {image.size}, the original being {size}"
    if warned & {"dynamic-range-reduced", "profile-ignored"}:
        return None
    got = numpy.asarray(seen(image), float)
    said = [differs(got, numpy.asarray(want.resize(image.size, Image.Resampling.LANCZOS), float)) for want in wants]
    return None if None in said else said[0]


def differs(got, want):
    error = numpy.mean((got - want) ** 2)
    decibels = 99.0 if error == 0 else 10 * numpy.log10(255**2 / error)
    shift = max(abs(got[..., c].mean() - want[..., c].mean()) for c in range(3))
    if decibels < DECIBELS or shift > LEVELS:
        return f"{decibels:.1f} dB from Pillow's, {shift:.1f} levels in the mean"
    return None


def tagged(path, what, to):
    """A copy that is to be turned by a quarter; None where the file has an orientation already, or cannot have one."""
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    data = open(path, "rb").read()
    if b"Exif" in data or b"eXIf" in data:
        return None
    if what == "jpeg":
        body = b"Exif\0\0" + tiff
        data = data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]
    elif what == "png":
        import zlib

        chunk = b"eXIf" + tiff
        data = data[:33] + len(tiff).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[33:]
    else:
        return None
    with open(to, "wb") as f:
        f.write(data)
    return to


def main():
    p = argparse.ArgumentParser()
    p.add_argument("sealpress")
    p.add_argument("--normalize")
    p.add_argument("--corpus", action="append", required=True)
    p.add_argument("--shuffles", type=int, default=2)
    p.add_argument("--keep", required=True)
    a = p.parse_args()
    temp = tempfile.mkdtemp()
    folder = lambda: tempfile.mkdtemp(dir=temp)
    failures, table = {}, []

    files = {}
    for root in a.corpus:
        for where, _, names in os.walk(root):
            for name in sorted(names):
                path = os.path.join(where, name)
                with open(path, "rb") as f:
                    what = kind(f.read(64))
                if what:
                    # One folder, one name each: batches may not mix up namesakes.
                    copy = os.path.join(temp, f"{len(files):05}-{name}")
                    shutil.copyfile(path, copy)
                    files[copy] = (path, what)
    if not files:
        sys.exit("no pictures in " + ", ".join(a.corpus))
    paths = sorted(files)

    def fail(path, text):
        failures.setdefault(path, []).append(text)

    alone = {}
    for path in paths:
        alone.update(in_process(a.sealpress, [path], 1, folder()))
    expected = {path: outcome(row) for path, row in alone.items()}
    accepted = [p for p in paths if alone[p]["ok"]]
    table.append(("alone, in process", len(paths), 0, f"{len(paths) - len(accepted)} refused"))

    for name, run in (("in process", in_process), ("isolated", isolated)):
        for workers in (1, 2):
            for seed in range(a.shuffles):
                order = paths[:]
                random.Random(seed * 10 + workers).shuffle(order)
                got, wrong = run(a.sealpress, order, workers, folder()), 0
                for path in order:
                    if outcome(got[path]) != expected[path]:
                        wrong += 1
                        fail(path, f"{name}, {workers} workers, shuffle {seed}: {outcome(got[path])[:2]}, alone {expected[path][:2]}")
                table.append((f"{name}, {workers} workers, shuffle {seed}", len(order), wrong, ""))

    wrong = 0
    for path in accepted:
        text = judge(path, alone[path])
        if text:
            wrong += 1
            fail(path, text)
    table.append(("against Pillow and pillow-heif", len(accepted), wrong, ""))

    if a.normalize:
        # What passes must decode, and a decode must find nothing that passing did not.
        got, wrong = decoded(a.normalize, paths, folder()), 0
        for path in paths:
            row, was = got[path], alone[path]
            text = judge(path, row) if row["ok"] else None
            if row["ok"] != was["ok"]:
                text = f"passes: {outcome(was)[:2]}, decoded: {outcome(row)[:2]}"
            if text:
                wrong += 1
                fail(path, "decoded: " + text)
        table.append(("without passing through", len(paths), wrong, ""))

    turned = {}
    for path in accepted:
        copy = tagged(path, files[path][1], path + ".turned")
        if copy:
            turned[copy] = path
    if turned:
        got, wrong = in_process(a.sealpress, sorted(turned), 2, folder()), 0
        for copy, path in turned.items():
            row = got[copy]
            text = judge(copy, row) if row["ok"] else "refused once it has an orientation"
            if text:
                wrong += 1
                fail(path, "turned: " + text)
        table.append(("turned by a tag", len(turned), wrong, ""))

    width = max(len(name) for name, *_ in table)
    print(f"{'way':{width}}  files  wrong")
    for name, count, wrong, note in table:
        print(f"{name:{width}}  {count:5}  {wrong:5}  {note}")
    for path, texts in sorted(failures.items()):
        source = files[path][0]
        os.makedirs(a.keep, exist_ok=True)
        shutil.copy(source, a.keep)
        print(f"\n{source}")
        for text in texts[:4]:
            print(f"    {text}")
    if failures:
        print(f"\n{len(failures)} files are kept in {a.keep}")
    shutil.rmtree(temp, ignore_errors=True)
    sys.exit(1 if failures else 0)


main()
