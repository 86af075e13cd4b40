"""The same pictures through sealpress and its rivals, interleaved in one run, one thread each.

    run.py --worker target/release/image-worker --home target/rivals/image --out target/rivals/image/results FILE…

`--home` holds what was installed beforehand: node_modules with sharp, and a Python environment
`venv` with Pillow, pillow-heif, pyvips, pyvips-binary, opencv-python-headless, ssimulacra2, numpy.
Every rival is one process that stays warm; each round asks every rival for every file in turn, so
that whatever else the machine does hits all of them alike. Figures are CPU time of the process,
medians over the rounds. Quality is SSIMULACRA2 against a Lanczos resize in floating point of
Pillow's full decode. From the first JPEG a PNG, a lossy WebP
and a JPEG without profile of the same size are made, from the first HEIC a JPEG.

Writes OUT.json, OUT.md and OUT.svg."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
BOX = 1920


class Rival:
    def __init__(self, name, command, kinds, env=None):
        self.name, self.kinds = name, kinds
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
        )

    def ask(self, file, save=""):
        self.process.stdin.write(f"{file}\t{save}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            return {"cpu_ms": 0, "bytes": 0, "rss_kb": 0, "error": "the process ended"}
        return json.loads(line)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


# What the policy could choose; the first row of a run is what it does choose.
CHOICES = [("lanczos3", 85), ("catmull-rom", 85), ("triangle", 85), ("lanczos3", 83), ("catmull-rom", 87)]


def choices(worker):
    ours = {"jpeg", "png", "webp", "heic"}
    policy = lambda filter, quality: json.dumps({"filter": filter, "quality": quality, "pass_through": False})
    yield ("sealpress", [worker, "--re-encode"], ours, None)
    yield from ((f"{filter}, {quality}", [worker, policy(filter, quality)], ours, None) for filter, quality in CHOICES[1:])


def rivals(worker, home):
    python = str(home / "venv/bin/python")
    peers = str(HERE / "peers.py")
    node = {"SHARP_HOME": str(home.resolve()), "UV_THREADPOOL_SIZE": "1", "VIPS_CONCURRENCY": "1"}
    usual = {"jpeg", "png", "webp"}
    return [
        ("sealpress", [worker, "--re-encode"], usual | {"heic"}, None),
        ("sealpress, HEVC in Rust", [worker, "--re-encode", "--rust-hevc"], {"heic"}, None),
        ("sharp", ["node", str(HERE / "sharp.js"), "default"], usual, node),
        ("sharp, std Huffman, ignoreIcc", ["node", str(HERE / "sharp.js"), "std"], usual, node),
        ("pyvips", [python, peers, "pyvips"], usual, {"VIPS_CONCURRENCY": "1"}),
        ("Pillow", [python, peers, "pillow"], usual, None),
        ("pillow-heif", [python, peers, "pillow-heif"], {"heic"}, None),
        ("OpenCV", [python, peers, "opencv"], usual, None),
    ]


def kind_of(file):
    head = pathlib.Path(file).read_bytes()[:12]
    if head.startswith(b"\xff\xd8"):
        return "jpeg"
    if head.startswith(b"\x89PNG"):
        return "png"
    return "webp" if head[8:12] == b"WEBP" else "heic"


JUDGE = r"""
import io, json, sys
import numpy
from PIL import Image, ImageCms, ImageOps
import pillow_heif
import ssimulacra2
Image.MAX_IMAGE_PIXELS = None
pillow_heif.register_heif_opener()
BOX = 1920

def upright(path):
    image = ImageOps.exif_transpose(Image.open(path))
    icc = image.info.get("icc_profile")
    image = image.convert("RGB")
    return image, icc

def to_srgb(image, icc):
    if not icc:
        return image
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), renderingIntent=1)

def resized(image, size):
    bands = [numpy.asarray(Image.fromarray(numpy.asarray(band, dtype=numpy.float32)).resize(size, Image.Resampling.LANCZOS)) for band in image.split()]
    return numpy.clip(numpy.stack(bands, axis=-1), 0, 255)

references = {}
for line in sys.stdin:
    job = json.loads(line)
    try:
        result = Image.open(job["result"]).convert("RGB")
        # Whoever keeps or ignores the profile is compared with the unconverted reference.
        key = (job["file"], result.size, job["convert"])
        if key not in references:
            image, icc = upright(job["file"])
            if job["convert"]:
                image = to_srgb(image, icc)
            references[key] = job["reference"] + f".{len(references)}.png"
            Image.fromarray(numpy.rint(resized(image, result.size)).astype(numpy.uint8)).save(references[key])
        saved = job["result"] + ".png"
        result.save(saved)
        score = ssimulacra2.compute_ssimulacra2(references[key], saved)
        print(json.dumps({"score": float(score)}), flush=True)
    except Exception as e:
        print(json.dumps({"score": None, "error": str(e)}), flush=True)
"""


def derived(home, files, folder):
    """A PNG and a WebP of the first JPEG's pixels, that JPEG without its profile, and a JPEG of the
    first HEIC: a phone's photo with a phone's noise."""
    jpeg = next((f for f in files if kind_of(f) == "jpeg"), None)
    heic = next((f for f in files if kind_of(f) == "heic"), None)
    python = str(home / "venv/bin/python")
    made = []
    if jpeg:
        png, webp, bare = (str(folder / f"made-from-first.{end}") for end in ("png", "webp", "no-profile.jpg"))
        code = (
            "import sys; from PIL import Image; i = Image.open(sys.argv[1]).convert('RGB'); i.info.pop('icc_profile', 0);"
            "i.save(sys.argv[2], compress_level=6); i.save(sys.argv[3], quality=85, method=2)"
        )
        subprocess.run([python, "-c", code, jpeg, png, webp], check=True)
        pathlib.Path(bare).write_bytes(without_segments(pathlib.Path(jpeg).read_bytes()))
        made += [bare, png, webp]
    if heic:
        photo = str(folder / "made-from-heic.jpg")
        code = (
            "import sys, pillow_heif; from PIL import Image; pillow_heif.register_heif_opener();"
            "i = Image.open(sys.argv[1]).convert('RGB'); i.info.clear();"
            "i.save(sys.argv[2], quality=93, subsampling='4:2:0')"
        )
        subprocess.run([python, "-c", code, heic, photo], check=True)
        made.append(photo)
    return made


def without_segments(jpeg):
    """The file without application segments but the first: no profile, no EXIF."""
    out, at = bytearray(jpeg[:2]), 2
    while jpeg[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if not 0xE1 <= jpeg[at + 1] <= 0xEF:
            out += jpeg[at:end]
        at = end
    return bytes(out + jpeg[at:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", required=True)
    parser.add_argument("--home", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="rivals, separated by semicolons (names contain commas)")
    parser.add_argument("--no-quality", action="store_true")
    parser.add_argument("--choices", action="store_true", help="our filters and qualities next to sharp, nobody else")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files = options.files + derived(options.home, options.files, folder)
        only = [n for n in options.only.split(";") if n]
        table = measure(options, files, folder, only)
    pathlib.Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(options.out + ".json").write_text(json.dumps(table, indent=1) + "\n")
    pathlib.Path(options.out + ".md").write_text(markdown(table))
    pathlib.Path(options.out + ".svg").write_text(svg(table))
    print(markdown(table))


def measure(options, files, folder, only):
    contestants = rivals(options.worker, options.home)
    if options.choices:
        contestants = [*choices(options.worker), *(r for r in contestants if r[0] == "sharp, std Huffman, ignoreIcc")]
    running = [Rival(*r) for r in contestants if not only or r[0] in only]
    jobs = [(f, kind_of(f)) for f in files]
    times, last, saved = {}, {}, {}
    for turn in range(options.rounds + 1):
        for file, kind in jobs:
            for rival in running:
                if kind not in rival.kinds:
                    continue
                key = (file, rival.name)
                # The first turn warms up and saves what is judged.
                save = str(folder / f"{len(saved)}.jpg") if turn == 0 else ""
                answer = rival.ask(file, save)
                last[key] = answer
                if turn == 0:
                    saved[key] = save
                elif not answer["error"]:
                    times.setdefault(key, []).append(answer["cpu_ms"])
        print(f"round {turn} of {options.rounds}", file=sys.stderr)
    for rival in running:
        rival.end()
    scores = {} if options.no_quality else judge(options, folder, jobs, saved, last)
    table = []
    for file, kind in jobs:
        for rival in running:
            key = (file, rival.name)
            if key not in last:
                continue
            row = {"file": pathlib.Path(file).name, "kind": kind, "rival": rival.name, "error": last[key]["error"]}
            if key in times:
                row["cpu_ms"] = statistics.median(times[key])
                row["cpu_ms_min"] = min(times[key])
            row.update(bytes=last[key]["bytes"], peak_mb=last[key]["rss_kb"] / 1024, ssimulacra2=scores.get(key))
            table.append(row)
    return table


def judge(options, folder, jobs, saved, last):
    python = str(options.home / "venv/bin/python")
    process = subprocess.Popen([python, "-c", JUDGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    scores = {}
    for (file, rival), result in saved.items():
        if last[(file, rival)]["error"] or not os.path.exists(result):
            continue
        convert = not rival.startswith(("sharp, std", "Pillow", "pillow", "OpenCV"))
        job = {"file": file, "result": result, "reference": str(folder / "reference"), "convert": convert}
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        scores[(file, rival)] = answer["score"]
        if answer["score"] is None:
            print(file, rival, answer, file=sys.stderr)
    process.stdin.close()
    process.wait()
    return scores


def markdown(table):
    lines = ["| picture | tool | CPU ms | ÷ ours | bytes | SSIMULACRA2 | peak MB |", "|---|---|--:|--:|--:|--:|--:|"]
    ours = {r["file"]: r.get("cpu_ms") for r in table if r["rival"] == "sealpress"}
    for r in table:
        if r["error"] or "cpu_ms" not in r:
            lines.append(f"| {r['file']} | {r['rival']} | {r['error'] or 'no figure'} | | | | |")
            continue
        base = ours.get(r["file"])
        ratio = f"{r['cpu_ms'] / base:.2f}" if base else ""
        score = "" if r["ssimulacra2"] is None else f"{r['ssimulacra2']:.2f}"
        lines.append(
            f"| {r['file']} | {r['rival']} | {r['cpu_ms']:.1f} | {ratio} | {r['bytes']:,} | {score} | {r['peak_mb']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def svg(table):
    """Bars of CPU time, a group for each picture."""
    groups = {}
    for r in table:
        if "cpu_ms" in r and not r["error"]:
            groups.setdefault(r["file"], []).append(r)
    bar, gap, left, width = 18, 34, 230, 900
    height = sum(len(g) * bar + gap for g in groups.values()) + 10
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    y = 0
    for name, rows in groups.items():
        y += 22
        out.append(f'<text x="8" y="{y}" font-weight="bold">{escape(name)}</text>')
        longest = max(r["cpu_ms"] for r in rows)
        y += 6
        for r in rows:
            length = r["cpu_ms"] / longest * (width - left - 90)
            colour = "#1a7f5a" if r["rival"].startswith("sealpress") else "#9aa4ad"
            out.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{escape(r["rival"])}</text>')
            out.append(f'<rect x="{left}" y="{y + 2}" width="{length:.1f}" height="{bar - 5}" fill="{colour}"/>')
            out.append(f'<text x="{left + length + 6:.1f}" y="{y + 12}">{r["cpu_ms"]:.0f} ms</text>')
            y += bar
        y += gap - 28
    out.append("</svg>")
    return "\n".join(out) + "\n"


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")


if __name__ == "__main__":
    main()
