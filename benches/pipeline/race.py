"""300 photos, each of the real ones many times with a comment of its own, against the emulator: ours, and (--rivals) a Python and a Node program that do the same
work. `cargo xtask bench pipeline [--rivals]`.

Every contender gets an emulator of its own in another process, whose CPU time counts for nobody, and the
contenders take turns for each round. CPU per item is user and system time of the program and all of its
children over the items; the emulator's ledger says that all of them arrived. With one worker, program,
emulator and the floor (normalize + hash alone) each have the same single CPU: a neighbour that decodes as
well makes the same work 15% dearer, on most machines."""

import argparse
import json
import os
import statistics
import subprocess

import ground


def contenders(manifest, rivals, home, workers):
    ours = lambda n: ("ours", n, lambda state: ground.backfill(manifest, "--jobs", n, state=state), {})
    yield from (ours(n) for n in workers)
    yield ("ours, no isolation", 1, lambda state: ground.backfill(manifest, "--jobs", 1, state=state), {"SEALPRESS_ISOLATION": "off"})
    if rivals:
        folder = ground.ROOT / "benches/rivals/pipeline"
        for n in workers:
            yield ("Python + Pillow", n, lambda _, n=n: [home / "venv/bin/python", folder / "python/upload.py", manifest, n], {})
        for n in workers:
            node = {"RIVAL_HOME": str(home.resolve()), "UV_THREADPOOL_SIZE": str(n + 1)}
            yield ("Node + sharp", n, lambda _, n=n: ["node", folder / "node/upload.mjs", manifest, n], node)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rivals", action="store_true")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--mix", default="real", help="real photos of ../shared/corpus, or usual, plain, large, small: made ones")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--only", default="", help="contenders, separated by semicolons")
    options = parser.parse_args()
    manifest = ground.photos(f"{options.mix}-{options.count}", count=options.count, mix=options.mix)
    home = ground.ROOT / "target/rivals/pipeline"
    workers = [int(n) for n in options.workers.split(",")]
    only = [n for n in options.only.split(";") if n]
    rows = {}
    floors = []
    for turn in range(options.rounds):
        floor = subprocess.check_output([ground.ROOT / "target/release/floor", manifest], preexec_fn=ground.on({0}))
        floors.append(json.loads(floor))
        for name, n, command, env in contenders(manifest, options.rivals, home, workers):
            if only and name not in only:
                continue
            cpus = {0} if n == 1 else None
            with ground.Emulator(cpus=cpus) as emulator:
                figures = ground.run(command(ground.fresh("race")), {**emulator.env, **env}, cpus=cpus)
                totals = emulator.totals()
                figures["emulator_cpu_s"] = emulator.cpu_s()
            stored = totals["media"]
            if stored != options.count:
                raise SystemExit(f"{name}: {stored} of {options.count} items arrived: {totals}")
            figures.pop("said")
            rows.setdefault((name, n), []).append(figures)
            print(f"round {turn + 1}: {name}, {n}: {figures['cpu_s'] / options.count * 1e3:.1f} ms", flush=True)
    lines = [line(name, n, runs, options.count) for (name, n), runs in rows.items()]
    floor = statistics.median((f["normalize_ms"] + f["hash_ms"]) / f["items"] for f in floors)
    lines.append({"name": "normalize + hash alone", "workers": 1, "cpu_ms": floor})
    best = next((row["cpu_ms"] for row in lines if row["name"] == "ours"), None)
    for row in lines:
        row["ratio"] = row["cpu_ms"] / best if best else None
    text = ground.table(lines, [
        ("program", "name", ""), ("workers", "workers", "d"), ("CPU ms an item", "cpu_ms", ".1f"), ("÷ ours", "ratio", ".2f"),
        ("items/s", "rate", ".1f"), ("items/s per CPU second", "per_core", ".1f"), ("peak memory, MB", "rss_mb", ".0f"),
    ])
    folder = ground.keep(f"race-{options.mix}", {"rows": lines, "floors": floors}, text)
    (folder / f"race-{options.mix}.svg").write_text(svg([r for r in lines if r["workers"] == 1]))


def line(name, n, runs, count):
    median = lambda key: statistics.median(run[key] for run in runs)
    return {
        "name": name, "workers": n, "cpu_ms": median("cpu_s") / count * 1e3, "sys_ms": median("sys_s") / count * 1e3,
        "rate": count / median("wall_s"), "per_core": count / median("cpu_s"), "rss_mb": max(run["rss_mb"] for run in runs),
        "emulator_ms": median("emulator_cpu_s") / count * 1e3, "runs": [run["cpu_s"] for run in runs],
    }


def svg(rows):
    """Bars of CPU milliseconds an item."""
    left, width, bar = 210, 720, 26
    longest = max(row["cpu_ms"] for row in rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {len(rows) * bar + 34}" font-family="sans-serif" font-size="13">',
        "<style>text{fill:#333}.ours{fill:#1a7f5a}.other{fill:#9aa4ad}@media(prefers-color-scheme:dark){text{fill:#ddd}.other{fill:#6b757e}}</style>",
        f'<text x="8" y="18" font-weight="bold">CPU milliseconds an item, one worker</text>',
    ]
    for n, row in enumerate(rows):
        y = 30 + n * bar
        length = row["cpu_ms"] / longest * (width - left - 80)
        kind = "ours" if row["name"].startswith("ours") else "other"
        out.append(f'<text x="{left - 8}" y="{y + 15}" text-anchor="end">{row["name"]}</text>')
        out.append(f'<rect class="{kind}" x="{left}" y="{y + 2}" width="{length:.1f}" height="{bar - 8}"/>')
        out.append(f'<text x="{left + length + 6:.1f}" y="{y + 15}">{row["cpu_ms"]:.1f}</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


if __name__ == "__main__":
    main()
