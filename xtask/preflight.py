"""What preflight finds of pictures that were spoilt on purpose, and of good ones: the test recipe of its specification.

usage: preflight.py QUALITY --good DIR... [--set-aside] [--most N] [--only NAME,...] [--json FILE] [--plot FILE]

QUALITY is the example of that name of sealpress-image. Good pictures are those of the folders, whose names begin with
`document-` or `person-` where they were made, and everything else by the lists below; what was looked at and found bad
is in NOT_GOOD. Every second one is set aside until the end, and used alone with --set-aside.
"""

import argparse
import hashlib
import io
import json
import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None

# Looked at: a white frame, an enlarged picture, the moon in the night, and codes of a few pixels.
NOT_GOOD = ("read-error1024", "heic__exif", "FZ201", "zxing", "peacock", "gradient", "redbox", "200MP")
SEED = 20261128


def kind(name):
    """What a picture shows: document, person or scene."""
    if name.startswith("document-"):
        return "document"
    if name.startswith("person-"):
        return "person"
    low = name.lower()
    if any(word in low for word in ("licen", "id_card", "business", "receipt", "passport", "id-", "card", "bill", "notes")):
        return "document"
    return "scene"


def load(path):
    """Upright RGB with a longer side of at most 1920."""
    image = ImageOps.exif_transpose(Image.open(path))
    if image.mode in ("RGBA", "LA", "PA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")
    fit = 1920 / max(image.size)
    if fit < 1:
        image = image.resize([round(s * fit) for s in image.size], Image.Resampling.LANCZOS)
    return image


def kernel(sigma):
    x = np.arange(-math.ceil(4 * sigma), math.ceil(4 * sigma) + 1)
    k = np.exp(-(x**2) / (2 * sigma**2))
    return k / k.sum()


def along(plane, k, axis):
    """A line of weights over an axis, edges repeated."""
    r = len(k) // 2
    pad = [(r, r) if a == axis else (0, 0) for a in range(plane.ndim)]
    padded = np.pad(plane, pad, mode="edge")
    out = np.zeros_like(plane)
    for i, w in enumerate(k):
        part = [slice(i, i + plane.shape[a]) if a == axis else slice(None) for a in range(plane.ndim)]
        out += np.float32(w) * padded[tuple(part)]
    return out


def gauss(ycc, sigma, rng):
    k = kernel(sigma)
    return along(along(ycc, k, 0), k, 1)


def shifted_mean(ycc, offsets):
    out = np.zeros_like(ycc)
    r = max(max(abs(dy), abs(dx)) for dy, dx in offsets)
    padded = np.pad(ycc, [(r, r), (r, r), (0, 0)], mode="edge")
    for dy, dx in offsets:
        out += padded[r + dy : r + dy + ycc.shape[0], r + dx : r + dx + ycc.shape[1]]
    return out / len(offsets)


def motion(ycc, length, rng):
    angle = rng.uniform(0, math.pi)
    steps = [(i - (length - 1) / 2) for i in range(length)]
    return shifted_mean(ycc, [(round(s * math.sin(angle)), round(s * math.cos(angle))) for s in steps])


def disc(ycc, radius, rng):
    n = range(-radius, radius + 1)
    return shifted_mean(ycc, [(y, x) for y in n for x in n if x * x + y * y <= radius * radius])


def upscale(ycc, side, rng):
    image = to_image(ycc)
    fit = side / max(image.size)
    small = image.resize([max(1, round(s * fit)) for s in image.size], Image.Resampling.LANCZOS)
    return to_ycc(small.resize(image.size, Image.Resampling.BICUBIC))


def noise(ycc, sigma, rng):
    out = ycc.copy()
    out[..., 0] += rng.normal(0, sigma, out.shape[:2]).astype(np.float32)
    return out


def gauss_noise(ycc, both, rng):
    return noise(gauss(ycc, both[0], rng), both[1], rng)


def under(ycc, gain, rng):
    out = ycc.copy()
    light = (np.clip(out[..., 0], 0, 255) / 255) ** 2.2 * gain
    light += rng.normal(0, 1, light.shape) * np.sqrt(0.0004 * light + 1.5e-6)
    out[..., 0] = np.clip(light, 0, None) ** (1 / 2.2) * 255
    out[..., 1:] = 128 + (out[..., 1:] - 128) * gain ** (1 / 2.2)
    return out


def fog(ycc, c, rng):
    out = ycc.copy()
    out[..., 0] = c * out[..., 0] + (1 - c) * 200
    out[..., 1:] = 128 + (out[..., 1:] - 128) * c
    return out


def glare(ycc, percent, rng):
    out = ycc.copy()
    h, w = out.shape[:2]
    tiles = [
        (y, x)
        for y in range(0, h - 31, 32)
        for x in range(0, w - 31, 32)
        if np.ptp(out[y : y + 32, x : x + 32, 0]) >= 60
    ]
    if not tiles:
        return None
    y0, x0 = tiles[rng.integers(len(tiles))]
    aspect = rng.uniform(0.6, 1.6)
    radius = math.sqrt(percent / 100 * h * w / math.pi)
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    d = np.hypot((xx - x0 - 16) / (radius * math.sqrt(aspect)), (yy - y0 - 16) / (radius / math.sqrt(aspect)))
    alpha = np.clip((1.35 - d) / 0.7, 0, 1)
    alpha = alpha * alpha * (3 - 2 * alpha)
    out[..., 0] += (300 - out[..., 0]) * alpha
    out[..., 1:] = 128 + (out[..., 1:] - 128) * (1 - alpha[..., None])
    return out


def over(ycc, gain, rng):
    out = ycc.copy()
    out[..., 0] = (np.clip(out[..., 0], 0, 255) / 255) ** 2.2 * gain
    out[..., 0] = np.clip(out[..., 0], 0, 1) ** (1 / 2.2) * 255
    return out


def cut_off(ycc, share, rng):
    """A tenth of the width, or a quarter, missing at one side."""
    n = round(ycc.shape[1] * share)
    return ycc[:, n:]


def finger(ycc, share, rng):
    out = ycc.copy()
    h, w = out.shape[:2]
    r = math.sqrt(share * h * w / math.pi * 2)
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    edge = rng.uniform(0.2, 0.8) * w
    alpha = np.clip((r - np.hypot(xx - edge, yy - h)) / (0.15 * r), 0, 1)[..., None]
    skin = np.array([150, 110, 155], np.float32)
    return out * (1 - alpha) + skin * alpha


def half_blurred(ycc, sigma, rng):
    out = ycc.copy()
    w = out.shape[1] // 2
    out[:, :w] = gauss(ycc, sigma, rng)[:, :w]
    return out


def screen(ycc, strength, rng):
    """The grid of a display under a slightly turned camera."""
    out = ycc.copy()
    h, w = out.shape[:2]
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    angle = rng.uniform(0.02, 0.12)
    u = xx * math.cos(angle) + yy * math.sin(angle)
    v = -xx * math.sin(angle) + yy * math.cos(angle)
    out[..., 0] *= 1 - strength * (0.5 + 0.25 * np.cos(u * 2 * math.pi / 2.7) + 0.25 * np.cos(v * 2 * math.pi / 2.7))
    return out


DEGRADATIONS = (
    [(f"gauss {s}", gauss, s) for s in (1.5, 2, 3, 4, 6)]
    + [(f"gauss {s} + noise {n}", gauss_noise, (s, n)) for s, n in ((3, 4), (4, 8))]
    + [(f"motion {n}", motion, n) for n in (10, 20, 40)]
    + [(f"disc {r}", disc, r) for r in (4, 8)]
    + [(f"upscale {s}", upscale, s) for s in (200, 300, 400)]
    + [(f"under {g}", under, g) for g in (0.05, 0.1)]
    + [(f"fog {c}", fog, c) for c in (0.1, 0.2)]
    + [(f"noise {s}", noise, s) for s in (4, 8, 20)]
    + [(f"glare {p} %", glare, p) for p in (1, 3, 7, 15)]
    + [("cut off", cut_off, 0.2), ("finger", finger, 0.06), ("half blurred", half_blurred, 4)]
    + [("over-exposed", over, 3.0), ("screen", screen, 0.25)]
)


def to_ycc(image):
    return np.asarray(image.convert("YCbCr"), np.float32)


def to_image(ycc):
    return Image.fromarray(np.clip(np.rint(ycc), 0, 255).astype(np.uint8), "YCbCr").convert("RGB")


def write(image, path):
    image.save(path, quality=90, subsampling=2)


def measured(program, paths):
    done = subprocess.run([program], input="\n".join(paths) + "\n", capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["file"] for row in rows] == paths, done.stderr
    return rows


def synthetic(folder):
    """Frames with nothing on them."""
    rng = np.random.default_rng(SEED)
    made = []
    for i in range(60):
        h, w = 1080, 1440
        base = [np.full((h, w), v, np.float32) for v in (0, 30, 128, 220, 255)][i % 5]
        if i % 3 == 1:
            base = np.linspace(60, 190, w, dtype=np.float32)[None, :].repeat(h, 0)
        frame = base + rng.normal(0, (i % 4) * 2 / 3, (h, w))
        path = os.path.join(folder, f"blank-{i}.jpg")
        write(Image.fromarray(np.clip(np.rint(frame), 0, 255).astype(np.uint8)).convert("RGB"), path)
        made.append(path)
    return made


def codes(row):
    return {finding["code"] for finding in (row.get("judged") or {}).get("findings") or []}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("quality")
    p.add_argument("--good", action="append", required=True)
    p.add_argument("--set-aside", action="store_true")
    p.add_argument("--only", default="")
    p.add_argument("--most", type=int, default=10_000)
    p.add_argument("--json")
    p.add_argument("--plot")
    p.add_argument("--cost", action="store_true")
    a = p.parse_args()
    if a.cost:
        return cost(a.quality, a.good)
    goods = []
    for folder in a.good:
        for where, _, names in sorted(os.walk(folder)):
            goods += [os.path.join(where, n) for n in sorted(names) if n.lower().rsplit(".", 1)[-1] in ("jpg", "jpeg", "png", "heic", "webp")]
    temp = tempfile.TemporaryDirectory()
    chosen = []
    for path in goods:
        name = os.path.basename(path)
        if any(part in path for part in NOT_GOOD):
            continue
        try:
            image = load(path)
        except Exception as e:
            print(f"left out: {name}: {e}", file=sys.stderr)
            continue
        if min(image.size) < 256:
            continue
        # The number of a picture is that of its name: lists may grow without changing anybody's numbers.
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
        if (number % 2 == 1) == a.set_aside:
            chosen.append((number, name, kind(name), image, path))
    # A few of many are of all kinds.
    chosen = sorted(chosen, key=lambda c: c[0])[: a.most]
    print(f"{len(chosen)} good pictures ({'set aside' if a.set_aside else 'to look at'}): " + ", ".join(
        f"{sum(1 for c in chosen if c[2] == k)} {k}s" for k in ("document", "person", "scene")))
    # As they came, by our own decoder and resizer.
    untouched = dict(zip([c[1] for c in chosen], measured(a.quality, [c[4] for c in chosen])))
    percentiles(chosen, untouched)
    degradations = [d for d in DEGRADATIONS if not a.only or d[0] in a.only.split(",")]

    def spoil(work):
        (number, name, what, image, _), index = work
        label, function, value = degradations[index]
        rng = np.random.default_rng([SEED, number, [d[0] for d in DEGRADATIONS].index(label)])
        out = function(to_ycc(image), value, rng)
        if out is None:
            return None
        path = os.path.join(temp.name, f"{number}-{index}.jpg")
        write(to_image(out), path)
        return path

    results = {}
    for index, (label, _, _) in enumerate(degradations):
        with ThreadPoolExecutor(2) as pool:
            paths = list(pool.map(spoil, [(c, index) for c in chosen]))
        rows = iter(measured(a.quality, [p for p in paths if p]))
        results[label] = [(c, next(rows)) if path else (c, None) for c, path in zip(chosen, paths)]
        for path in filter(None, paths):
            os.unlink(path)
        print(f"  {label}", file=sys.stderr)
    blank = measured(a.quality, synthetic(temp.name)) if not a.only else []
    table(chosen, untouched, results, blank)
    if a.json:
        with open(a.json, "w") as f:
            json.dump({"untouched": untouched, "results": {k: [[c[1], c[2], r] for c, r in v] for k, v in results.items()}}, f)
    if a.plot:
        plot(chosen, untouched, results, a.plot)


def cost(program, folders):
    """CPU time of whole jobs on real photos, and on the same made conforming before, interleaved."""
    photos = [os.path.join(f, n) for f in folders for n in sorted(os.listdir(f)) if "photos" in f and n.lower().endswith(("jpg", "jpeg"))]
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for path in photos:
            made.append(os.path.join(folder, os.path.basename(path)))
            load(path).save(made[-1], quality=90)
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


def percentiles(chosen, untouched):
    print("\ngood pictures, as they came, by our own decoder and resizer")
    print(f"{'':18}{'1%':>9}{'5%':>9}{'50%':>9}{'95%':>9}{'99%':>9}")
    for key in ("sharpness", "coarse_sharpness", "contrast98", "p99", "noise", "glare"):
        values = [untouched[c[1]]["judged"]["quality"][key] for c in chosen if untouched[c[1]].get("judged")]
        values = [v for v in values if v is not None]
        print(f"{key:18}" + "".join(f"{v:9.3f}" for v in np.percentile(values, (1, 5, 50, 95, 99))))
    for c in chosen:
        found = codes(untouched[c[1]]) - (set() if c[2] == "document" else {"glare"})
        if found:
            q = untouched[c[1]]["judged"]["quality"]
            print(f"    {c[1]}: {' '.join(sorted(found))} (D1 {q['sharpness']} D2 {q['coarse_sharpness']} contrast {q['contrast98']} p99 {q['p99']} noise {q['noise']} glare {q['glare']})")


def share(rows, code):
    rows = [r for r in rows if r is not None]
    return (sum(code in codes(r) for r in rows) / len(rows), len(rows)) if rows else (float("nan"), 0)


def table(chosen, untouched, results, blank):
    all_rows = [untouched[c[1]] for c in chosen]
    documents = [untouched[c[1]] for c in chosen if c[2] == "document"]

    def of(label, what=None):
        return [r for c, r in results.get(label, []) if what is None or c[2] == what]

    def line(name, demanded, got, ok):
        value, count = got
        if count:
            print(f"{name:58} {demanded:>9} {value * 100:8.1f} %  of {count:4}  {'' if ok(value) else 'MISSED'}")

    print(f"\n{'demand':58} {'demanded':>9} {'measured':>10}")
    for code in ("blank", "blurred_heavily"):
        line(f"false alarms: {code}", "<= 1 %", share(all_rows, code), lambda v: v <= 0.01)
    for code in ("blurred", "too_dark", "low_contrast", "noisy"):
        line(f"false alarms: {code}", "<= 1.5 %", share(all_rows, code), lambda v: v <= 0.015)
    line("false alarms: glare, documents", "<= 3 %", share(documents, "glare"), lambda v: v <= 0.03)
    for label, least in (("gauss 4", 90), ("gauss 6", 98), ("gauss 4 + noise 8", 80), ("disc 8", 88), ("motion 20", 40)):
        line(f"blurred_heavily, {label}, documents", f">= {least} %", share(of(label, "document"), "blurred_heavily"), lambda v: v >= least / 100)
    line("blurred_heavily, motion 20, people", ">= 90 %", share(of("motion 20", "person"), "blurred_heavily"), lambda v: v >= 0.9)
    either = lambda rows: (float(np.mean([bool({"blurred", "blurred_heavily"} & codes(r)) for r in rows])), len(rows)) if rows else (0.0, 0)
    for label, least in (("gauss 3", 97), ("gauss 3 + noise 4", 85), ("gauss 2", 75), ("motion 20", 50)):
        line(f"blurred or worse, {label}, documents", f">= {least} %", either(of(label, "document")), lambda v: v >= least / 100)
    for label in ("noise 4", "noise 8"):
        line(f"blurred or worse on sharp pictures, {label}", "<= 2 %", either(of(label)), lambda v: v <= 0.02)
    line("too_dark, under 0.1", ">= 98 %", share(of("under 0.1"), "too_dark"), lambda v: v >= 0.98)
    line("low_contrast, fog 0.2", ">= 98 %", share(of("fog 0.2"), "low_contrast"), lambda v: v >= 0.98)
    line("noisy, noise 20", ">= 98 %", share(of("noise 20"), "noisy"), lambda v: v >= 0.98)
    line("blank, frames with nothing on them", ">= 98 %", share(blank, "blank"), lambda v: v >= 0.98)
    unclipped = [r for c, r in results.get("glare 3 %", []) if c[2] == "document" and untouched[c[1]]["judged"]["quality"]["clipped"] <= 0.02]
    line("glare, 3 %, documents not clipped", ">= 60 %", share(unclipped, "glare"), lambda v: v >= 0.6)
    # Burst: the undamaged frame against each damaged one.
    wins = pairs = 0
    for label, rows in results.items():
        if label.startswith("glare") or label in ("over-exposed", "cut off", "finger", "half blurred", "screen", "noise 4"):
            continue
        for c, r in rows:
            good = untouched[c[1]]["judged"]["quality"]["score"]
            bad = r and r.get("judged") and r["judged"]["quality"]["score"]
            if good is None or r is None:
                continue
            pairs += 1
            wins += bad is None or good > bad
    line("burst: the undamaged frame wins", ">= 97 %", (wins / pairs if pairs else 0.0, pairs), lambda v: v >= 0.97)
    print("\nnot detected: share with any finding, documents (nothing is demanded)")
    for label in ("cut off", "finger", "half blurred", "over-exposed", "screen"):
        rows = of(label, "document")
        if rows:
            print(f"  {label:16} {np.mean([bool(codes(r)) for r in rows]) * 100:5.1f} % of {len(rows)}")
    print("\nall findings by degradation, % of all pictures")
    names = ("blank", "blurred_heavily", "blurred", "too_dark", "low_contrast", "noisy", "glare")
    print(f"{'':20}" + "".join(f"{n[:9]:>10}" for n in names))
    for label, rows in [("untouched", [(c, untouched[c[1]]) for c in chosen])] + list(results.items()):
        rows = [r for _, r in rows if r is not None]
        if rows:
            print(f"{label:20}" + "".join(f"{share(rows, n)[0] * 100:10.1f}" for n in names))


def plot(chosen, untouched, results, path):
    """ROC curves as one SVG: share found against share of false alarms, as the threshold moves."""
    sets = (("coarse_sharpness", ("gauss 4", "gauss 6", "gauss 4 + noise 8", "disc 8", "motion 20")), ("sharpness", ("gauss 2", "gauss 3", "gauss 3 + noise 4", "motion 20")))
    colours = ("#1b6ca8", "#b23a48", "#3a7d44", "#8a5a9e", "#c77d1e")
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 400" font-family="sans-serif" font-size="12">']
    for i, (key, labels) in enumerate(sets):
        x0, y0, side = 60 + i * 370, 40, 300
        out.append(f'<rect x="{x0}" y="{y0}" width="{side}" height="{side}" fill="none" stroke="#999"/>')
        out.append(f'<text x="{x0}" y="{y0 - 12}">{key}: found (up) against false alarms, 0 to 10 %</text>')
        good = sorted(v for c in chosen if (v := untouched[c[1]]["judged"]["quality"][key]) is not None)
        for j, label in enumerate(labels):
            bad = [r["judged"]["quality"][key] for c, r in results.get(label, []) if r and r.get("judged") and r["judged"]["quality"][key] is not None]
            if not bad:
                continue
            points = []
            for t in sorted(set(good) | set(np.linspace(0, 1, 101))):
                false = np.mean([g < t for g in good])
                if false <= 0.1:
                    points.append(f"{x0 + false * 10 * side:.1f},{y0 + side * (1 - np.mean([b < t for b in bad])):.1f}")
            out.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colours[j]}" stroke-width="2"/>')
            out.append(f'<text x="{x0 + 150}" y="{y0 + side - 90 + 16 * j}" fill="{colours[j]}">{label}</text>')
    out.append("</svg>")
    with open(path, "w") as f:
        f.write("\n".join(out))


main()
