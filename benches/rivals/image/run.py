"""The same photos through sealpress and its rivals, interleaved in one run, one thread each.

    run.py --worker target/release/image-worker --home target/rivals/image --out target/rivals/image/results PATH…

`--home` holds what was installed beforehand: node_modules with sharp, and a Python environment
`venv` with Pillow, pillow-heif, pyvips, pyvips-binary, opencv-python-headless, ssimulacra2, numpy.
A path is a photo, or a folder whose photos above 1920 pixels are taken.
Every rival is one process that stays warm; each round asks every rival for every file in turn, so
that whatever else the machine does hits all of them alike. Figures are CPU time of the process,
medians over the rounds; quality is SSIMULACRA2 as `judge.py` finds it.

Writes OUT.json, OUT.md (what is said of each kind, and every file) and OUT.svg."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import pictures
import tables

HERE = pathlib.Path(__file__).parent


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", required=True)
    parser.add_argument("--home", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="rivals, separated by semicolons (names contain commas)")
    parser.add_argument("--no-quality", action="store_true")
    parser.add_argument("--choices", action="store_true", help="our filters and qualities next to sharp, nobody else")
    parser.add_argument("--judged", default="sealpress;sealpress, HEVC in Rust;sharp;sharp, std Huffman, ignoreIcc;pillow-heif",
                        help="whose quality is judged, which takes seconds a picture")
    parser.add_argument("paths", nargs="+")
    options = parser.parse_args()
    files = pictures.chosen(options.paths)
    if not files:
        sys.exit("no photo above 1920 pixels among these paths")
    pathlib.Path(options.out).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rows, saved = measure(options, files, pathlib.Path(folder), [n for n in options.only.split(";") if n])
        # Judging takes longer than the race: what is known stands before it begins.
        write(options.out, rows)
        if not options.no_quality:
            judge(options, pathlib.Path(folder), rows, saved)
            write(options.out, rows)


def write(out, rows):
    pathlib.Path(out + ".json").write_text(json.dumps(rows, indent=1) + "\n")
    pathlib.Path(out + ".md").write_text(tables.summary(rows) + "\n" + tables.each(rows))
    pathlib.Path(out + ".svg").write_text(tables.plot(rows))


def measure(options, files, folder, only):
    contestants = rivals(options.worker, options.home)
    if options.choices:
        contestants = [*choices(options.worker), *(r for r in contestants if r[0] == "sharp, std Huffman, ignoreIcc")]
    running = [Rival(*r) for r in contestants if not only or r[0] in only]
    jobs = [(f, pictures.format_of(pathlib.Path(f).read_bytes())) for f in files]
    kinds = {f: pictures.kind(f) for f in files}
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
    rows = []
    for file, _ in jobs:
        for rival in running:
            key = (file, rival.name)
            if key not in last:
                continue
            row = {"file": pathlib.Path(file).name, "path": file, "kind": kinds[file], "rival": rival.name, "error": last[key]["error"]}
            if key in times:
                row["cpu_ms"] = statistics.median(times[key])
                row["cpu_ms_min"] = min(times[key])
            row.update(bytes=last[key]["bytes"], peak_mb=last[key]["rss_kb"] / 1024, ssimulacra2=None)
            rows.append(row)
    return rows, saved


def judge(options, folder, rows, saved):
    """Fills in the quality of what was saved."""
    python = str(options.home / "venv/bin/python")
    process = subprocess.Popen([python, str(HERE / "judge.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for row in rows:
        file, rival = row["path"], row["rival"]
        result = saved[file, rival]
        wanted = options.choices or rival in options.judged.split(";")
        if not wanted or row["error"] or not os.path.exists(result):
            continue
        convert = not rival.startswith(("sharp, std", "Pillow", "pillow", "OpenCV"))
        job = {"file": file, "result": result, "reference": str(folder / "reference"), "convert": convert}
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        row["ssimulacra2"] = answer["score"]
        if answer["score"] is None:
            print(file, rival, answer, file=sys.stderr)
    process.stdin.close()
    process.wait()


if __name__ == "__main__":
    main()
