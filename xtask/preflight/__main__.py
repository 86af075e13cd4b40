"""What preflight finds of pictures that were spoilt on purpose, and of good ones: the test recipe of its specification.

usage: preflight QUALITY --specimens DIR --good DIR... [--plot FILE] [--most N] [--only NAME,...] [--json FILE]
       preflight QUALITY --specimens DIR --good DIR... --cost | --focus | --sheets DIR

QUALITY is the example of that name of sealpress-image. `pictures.py` lists the good pictures; all damage is done to
luma of at most 1920 pixels and kept as JPEG of quality 90. Every second picture counts as set aside. `--sheets` writes
contact sheets for whoever wants to judge the pictures, `--cost` measures CPU time on the photos of the open corpus,
`--focus` compares the specification's measure of heavy blur with another.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, ImageDraw, ImageOps

import curves
import focus
import pictures
import spoil
import table
import words

# Blur at full size, noise, and our own resizer after it.
AT_FULL_SIZE = "gauss 4 at full size"
# Files that are read for their words, of each damage.
READ = 12


def main():
    p = argparse.ArgumentParser()
    p.add_argument("quality")
    p.add_argument("--specimens", required=True)
    p.add_argument("--good", action="append", required=True)
    p.add_argument("--only", default="")
    p.add_argument("--most", type=int, default=10_000)
    p.add_argument("--json")
    p.add_argument("--plot")
    p.add_argument("--cost", action="store_true")
    p.add_argument("--focus", action="store_true")
    p.add_argument("--sheets")
    a = p.parse_args()
    if a.cost:
        return cost(a.quality, a.good)
    chosen, absent = pictures.good(a.good, a.specimens)
    chosen = chosen[: a.most]
    if absent:
        print(f"{len(absent)} listed pictures are not here: {' '.join(absent)}")
    if a.focus:
        return focus.show(chosen)
    if a.sheets:
        return sheets(chosen, a.sheets)
    count = lambda keep: sum(map(keep, chosen))
    print(f"{len(chosen)} good pictures: " + ", ".join(f"{count(lambda p: p.kind == k)} of a {k}" for k in ("document", "person", "scene")))
    print("  " + ", ".join(f"{count(lambda p: p.source == s)} {s}s" for s in ("photograph", "drawn", "specimen")) + f"; {count(lambda p: p.aside)} set aside")
    untouched = dict(zip((p.name for p in chosen), measured(a.quality, [p.path for p in chosen])))
    for p in list(chosen):
        if not untouched[p.name].get("judged"):
            print(f"left out: {p.name}: {untouched[p.name]}")
            chosen.remove(p)
    table.percentiles(table.Measured(chosen, untouched, {}))
    with tempfile.TemporaryDirectory() as temp:
        results, blank, still_read = run(a, chosen, untouched, temp)
    all_of_them = table.Measured(chosen, untouched, results)
    table.show(all_of_them, blank, still_read)
    if a.json:
        with open(a.json, "w") as f:
            json.dump({"untouched": untouched, "results": results}, f)
    if a.plot:
        is_document = {p.name: p.kind == "document" for p in chosen}
        good = {d: [untouched[n] for n in untouched if is_document.get(n) == d] for d in (True, False)}
        bad = {(label, d): [r for n, r in rows.items() if is_document[n] == d] for label, rows in results.items() for d in (True, False)}
        curves.draw(a.plot, good, bad)


def run(a, chosen, untouched, temp):
    """Every damage to every picture, measured."""
    lumas = os.path.join(temp, "luma")
    os.mkdir(lumas)

    def keep(picture):
        Image.fromarray(np.rint(picture.luma()).astype(np.uint8)).save(clean(picture))

    def clean(picture):
        return os.path.join(lumas, f"{picture.number}.png")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(keep, chosen))
    recall = words.Recall(clean, READ) if words.here() else None
    if recall is None:
        print("tesseract is not here: whether refused pictures could be read is not measured", file=sys.stderr)
    results = {}

    def spoil_one(work):
        picture, index = work
        out = spoil.spoiled(np.asarray(Image.open(clean(picture)), np.float32), index, picture.number)
        return None if out is None else kept(temp, picture, out)

    for index, (label, _, _) in enumerate(spoil.DEGRADATIONS):
        if a.only and label not in a.only.split(","):
            continue
        results[label] = measured_of(a.quality, chosen, spoil_one, index, recall, label)
    if not a.only or AT_FULL_SIZE in a.only.split(","):
        large = [p for p in chosen if p.longest() >= 2400]
        results[AT_FULL_SIZE] = measured_of(a.quality, large, lambda w: at_full_size(temp, w[0]), 0, recall, AT_FULL_SIZE)
    blank = []
    if not a.only:
        paths = []
        for i, frame in enumerate(spoil.empty_frames()):
            paths.append(os.path.join(temp, f"blank-{i}.jpg"))
            with open(paths[-1], "wb") as f:
                f.write(pictures.written(frame))
        blank = measured(a.quality, paths)
    return results, blank, recall and recall.table()


def kept(temp, picture, luma):
    path = os.path.join(temp, f"{picture.number}.jpg")
    with open(path, "wb") as f:
        f.write(pictures.written(luma))
    return path


def at_full_size(temp, picture):
    luma = np.asarray(pictures.upright(picture.path).convert("L"), np.float32)
    rng = np.random.default_rng([spoil.SEED, picture.number, len(spoil.DEGRADATIONS)])
    luma = spoil.noise(spoil.gauss(luma, 4 * max(luma.shape) / 1920), 3, rng)
    path = os.path.join(temp, f"{picture.number}.jpg")
    Image.fromarray(np.clip(np.rint(luma), 0, 255).astype(np.uint8)).save(path, quality=92)
    return path


def measured_of(program, chosen, spoil_one, index, recall, label):
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(spoil_one, [(p, index) for p in chosen]))
    both = [(p, path) for p, path in zip(chosen, paths) if path]
    rows = measured(program, [path for _, path in both])
    if recall is not None:
        recall.look(label, [(p, path) for (p, path), row in zip(both, rows) if p.kind == "document" and {"blank", "blurred_heavily"} & table.codes(row)])
    for _, path in both:
        os.unlink(path)
    print(f"  {label}", file=sys.stderr, flush=True)
    return {p.name: row for (p, _), row in zip(both, rows)}


def measured(program, paths):
    if not paths:
        return []
    done = subprocess.run([program], input="\n".join(paths) + "\n", capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["file"] for row in rows] == paths, done.stderr
    return rows


def cost(program, folders):
    """CPU time of whole jobs on real photos, and on the same made conforming before, interleaved."""
    photos = [os.path.join(f, n) for f in folders for n in sorted(os.listdir(f)) if f.endswith("corpus/photos") and n.lower().endswith(("jpg", "jpeg"))]
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for path in photos:
            made.append(os.path.join(folder, os.path.basename(path)))
            image = pictures.upright(path)
            image.thumbnail((1920, 1920), Image.Resampling.LANCZOS)
            image.save(made[-1], quality=90)
        for name, paths in (("photos as they came", photos), ("the same at 1920 pixels, which pass through", made)):
            done = subprocess.run([program, "cost", "7"], input="\n".join(paths) + "\n", capture_output=True, text=True, check=True)
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            of = lambda f: "{1:6.2f} ({0:.2f} to {2:.2f})".format(*(np.percentile([f(r) for r in rows], q) for q in (0, 50, 100)))
            print(f"{len(rows)} {name}: medians of 7 rounds each; median of files (least to most)")
            print("  encoded, ms, preflight off                 ", of(lambda r: r["encoded_off_ms"]))
            print("  preflight, ms, where they are encoded      ", of(lambda r: r["encoded_on_ms"] - r["encoded_off_ms"]))
            print("  its share of the job                       ", of(lambda r: r["encoded_on_ms"] / r["encoded_off_ms"] - 1))
            print("  passing through / encoding, preflight off  ", of(lambda r: r["off_ms"] / r["encoded_off_ms"]))
            print("  passing through / encoding, preflight on   ", of(lambda r: r["on_ms"] / r["encoded_on_ms"]))


def sheets(chosen, folder):
    """48 pictures a sheet, with their names."""
    os.makedirs(folder, exist_ok=True)
    for first in range(0, len(chosen), 48):
        some = chosen[first : first + 48]
        sheet = Image.new("RGB", (8 * 230, 200 * math.ceil(len(some) / 8)), "white")
        for i, p in enumerate(some):
            x, y = i % 8 * 230, i // 8 * 200
            sheet.paste(ImageOps.contain(pictures.upright(p.path), (224, 176)), (x, y))
            ImageDraw.Draw(sheet).text((x + 2, y + 180), f"{p.kind} {p.name[-34:]}", fill="black")
        sheet.save(os.path.join(folder, f"sheet-{first // 48}.png"))


main()
