"""How much damage goes out as a picture: sound files of every coding are made of real photos and of a page, each is damaged
in every way that disks, networks and memory know, and what the normalizer says of each is held against the picture that
it makes of the sound file. A table says how many went out without a word though they look otherwise, of how many that do.

It fails where a sound file is refused or warned of, or where a PNG, whose data have checksums, goes out damaged.

usage: damage.py NORMALIZE --corpus DIR [--corpus DIR]... [--photos N] [--each N] [--keep DIR]
"""

import argparse
import collections
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
from PIL import Image, ImageDraw

Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()

# A block of eight by eight samples whose mean moved by less is the same picture; by less than the second, nearly.
SAME, FAINT = 1.0, 6.0
KINDS = ["bit", "byte", "bits"]
KINDS += [f"{kind} {size}" for kind in ("zeros", "ones", "other", "foreign", "lost", "doubled", "swapped") for size in (512, 4096)]
KINDS += ["cut", "end of zeros"]


def sources(folders, most):
    """Photos, made smaller, and a page of text."""
    names = sorted(os.path.join(where, name) for folder in folders for where, _, files in os.walk(folder) for name in files)
    found = []
    for name in names:
        if len(found) == most:
            break
        try:
            image = Image.open(name).convert("RGB")
        except Exception:  # No picture, or a hostile one.
            continue
        if min(image.size) >= 400:
            image.thumbnail((1000, 1000))
            found.append(image)
    page = Image.new("RGB", (800, 1000), "white")
    for y in range(40, 960, 22):
        ImageDraw.Draw(page).text((40, y), "Sphinx of black quartz, judge my vow 0123456789 " * 2, fill="black")
    return found + [page]


def sound(image, seed):
    """One picture in every coding: name of the coding, name of the file, how Pillow writes it."""
    clear = image.convert("RGBA")
    mask = Image.new("L", image.size, 255)
    ImageDraw.Draw(mask).ellipse((50, 50, image.width - 30, image.height - 30), fill=90)
    clear.putalpha(mask)
    grey, few = image.convert("L"), image.quantize(64)
    ways = [
        ("jpeg", "85.jpg", image, {"quality": 85}),
        ("jpeg", "95-444.jpg", image, {"quality": 95, "subsampling": 0}),
        ("jpeg", "70-own-codes.jpg", image, {"quality": 70, "optimize": True}),
        ("jpeg", "80-restarts.jpg", image, {"quality": 80, "restart_marker_rows": 1}),
        ("jpeg", "grey.jpg", grey, {"quality": 85}),
        ("progressive", "85-progressive.jpg", image, {"quality": 85, "progressive": True}),
        ("progressive", "grey-progressive.jpg", grey, {"quality": 85, "progressive": True}),
        ("png", "rgb.png", image, {}),
        ("png", "palette.png", few, {}),
        ("png", "grey.png", grey, {}),
        ("webp", "80.webp", image, {"quality": 80}),
        ("webp", "30.webp", image, {"quality": 30, "method": 2}),
        ("webp", "95.webp", image, {"quality": 95, "method": 6}),
        ("webp alpha", "alpha.webp", clear, {"quality": 75}),
        ("webp lossless", "lossless.webp", image, {"lossless": True}),
        ("webp lossless", "few-lossless.webp", few.convert("RGB"), {"lossless": True}),
        ("heic", "50.heic", image, {"quality": 50}),
        ("heic", "rows-together.heic", image, {"quality": 70, "enc_params": {"x265:wpp": "0"}}),
        ("heic", "444.heic", image, {"quality": 70, "chroma": 444}),
        ("heic", "grey.heic", grey, {"quality": 70}),
    ]
    for coding, name, picture, options in ways:
        file = io.BytesIO()
        picture.save(file, {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "heic": "HEIF"}[name.split(".")[-1]], **options)
        yield coding, f"{seed}-{name}", file.getvalue()


def damaged(data, kind, rng, foreign):
    """The file with such damage; None where it has no room for it."""
    out, (what, *size) = bytearray(data), kind.split(" ")[:2]
    if kind == "cut":
        return data[: rng.randrange(len(data) // 8, len(data) - 1)]
    if kind == "end of zeros":
        keep = rng.randrange(len(data) // 8, len(data) - 1)
        return data[:keep] + bytes(len(data) - keep)
    if what in ("bit", "byte", "bits"):
        for _ in range(8 if what == "bits" else 1):
            at = rng.randrange(len(data))
            out[at] = rng.randrange(256) if what == "byte" else out[at] ^ 1 << rng.randrange(8)
        return bytes(out)
    size = int(size[0])
    if len(data) < 3 * size:
        return None
    at, other = (rng.randrange(1, len(data) // size) * size for _ in range(2))
    here, there = slice(at, at + size), slice(other, other + size)
    if what == "zeros":
        out[here] = bytes(size)
    elif what == "ones":
        out[here] = b"\xff" * size
    elif what == "other":
        out[here] = rng.randbytes(size)
    elif what == "foreign":
        begin = rng.randrange(max(1, len(foreign) - size))
        out[here] = (foreign[begin : begin + size] + bytes(size))[:size]
    elif what == "lost":
        del out[here]
    elif what == "doubled":
        out[here] = out[at - size : at]
    elif what == "swapped":
        out[here], out[there] = out[there], out[here]
    return bytes(out)


def run(program, paths, out):
    os.makedirs(out)
    done = subprocess.run([program, out, "2"], input="\n".join(paths) + "\n", capture_output=True, text=True)
    rows = {row["file"]: row for row in map(json.loads, done.stdout.splitlines())}
    missing = [path for path in paths if path not in rows]
    if missing:
        sys.exit(f"{program} said nothing about {len(missing)} files, {missing[0]} first\n{done.stderr[-2000:]}")
    return rows


def pixels(path):
    return numpy.asarray(Image.open(path).convert("RGB"), dtype=numpy.int16)


def moved(path, sound):
    """By how much the block moved that moved most."""
    with open(path, "rb") as a, open(sound, "rb") as b:
        if a.read() == b.read():
            return 0.0
    got, want = pixels(path), pixels(sound)
    if got.shape != want.shape:
        return 255.0
    apart = numpy.abs(got - want).max(axis=2).astype(numpy.float32)
    height, width = (n // 8 * 8 for n in apart.shape)
    return float(apart[:height, :width].reshape(height // 8, 8, width // 8, 8).mean(axis=(1, 3)).max())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("normalize")
    p.add_argument("--corpus", action="append", required=True)
    p.add_argument("--photos", type=int, default=6)
    p.add_argument("--each", type=int, default=1)
    p.add_argument("--keep", required=True)
    a = p.parse_args()
    temp = tempfile.mkdtemp()
    write = lambda name, data: open(os.path.join(temp, name), "wb").write(data)

    codings = {}
    for seed, image in enumerate(sources(a.corpus, a.photos)):
        for coding, name, data in sound(image, seed):
            write(name, data)
            codings[os.path.join(temp, name)] = coding, data
    whole = run(a.normalize, list(codings), os.path.join(temp, "whole"))
    alarms = [path for path, row in whole.items() if not row["ok"] or row["warnings"]]

    jobs, by_coding = {}, collections.defaultdict(list)
    for path, (coding, data) in codings.items():
        by_coding[coding].append(data)
    for path, (coding, data) in codings.items():
        for kind in KINDS if path not in alarms else []:
            for i in range(a.each):
                rng = random.Random(f"{os.path.basename(path)} {kind} {i}")
                out = damaged(data, kind, rng, rng.choice(by_coding[coding]))
                if out is not None and out != data:
                    name = f"{len(jobs):06}-{kind.replace(' ', '-')}-{os.path.basename(path)}"
                    write(name, out)
                    jobs[os.path.join(temp, name)] = path, coding, kind
    rows = run(a.normalize, list(jobs), os.path.join(temp, "out"))

    table, kept = collections.defaultdict(collections.Counter), 0
    for path, (source, coding, kind) in jobs.items():
        row, cell = rows[path], table[kind, coding]
        if not row["ok"] or row["warnings"]:
            cell["told"] += 1
            continue
        apart = moved(row["output"], whole[source]["output"])
        verdict = "same" if apart < SAME else "faint" if apart < FAINT else "silent"
        cell[verdict] += 1
        if verdict == "silent":
            os.makedirs(a.keep, exist_ok=True)
            shutil.copy(path, a.keep)
            kept += 1

    names = sorted(by_coding)
    cell = lambda c: f"{c['silent']} + {c['faint']} of {c['silent'] + c['faint'] + c['told']}"
    print("out without a word and plainly wrong + a little wrong, of all that were told or look otherwise")
    print(f"{'':14}" + "".join(f"{name:>16}" for name in names))
    for kind in KINDS:
        print(f"{kind:14}" + "".join(f"{cell(table[kind, name]):>16}" for name in names))
    sums = {name: sum((table[kind, name] for kind in KINDS), collections.Counter()) for name in names}
    print(f"{'all':14}" + "".join(f"{cell(sums[name]):>16}" for name in names))
    print(f"{len(codings)} sound files, {len(alarms)} of them refused or warned of; {len(jobs)} damaged ones")
    for path in alarms:
        print(f"    {os.path.basename(path)}: {whole[path].get('error') or whole[path]['warnings']}")
    if kept:
        print(f"{kept} plainly wrong ones are kept in {a.keep}")
    shutil.rmtree(temp, ignore_errors=True)
    sys.exit(1 if alarms or sums["png"]["silent"] + sums["png"]["faint"] else 0)


main()
