"""Peak memory under a budget. `cargo xtask bench memory [--count 66] [--memory 256]`.

Photos of 12 to 50 MP, two workers. Counted are the program and its worker processes together, in two ways: the
largest sum of resident memory at one moment (sampled every 20 ms, shared pages counted in each process), and
the sum of the most that each process ever had, whenever that was."""

import argparse

import ground


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=66)
    parser.add_argument("--memory", type=int, default=256, help="MiB")
    options = parser.parse_args()
    manifest = ground.photos(f"large-{options.count}", count=options.count, mix="large")
    rows = []
    for name, env in (("worker processes", {}), ("in one process", {"SEALPRESS_ISOLATION": "off"})):
        with ground.Emulator() as emulator:
            state = ground.fresh("memory")
            flags = ["--jobs", 2, "--memory", f"{options.memory}MiB"]
            figures = ground.run(ground.backfill(manifest, *flags, state=state), {**emulator.env, **env})
        figures.pop("said")
        rows.append({"name": name, **figures})
    limit = 1.1 * options.memory + 64
    text = ground.table(rows, [
        (f"{options.count} photos of 12–50 MP, --memory {options.memory}MiB", "name", ""), ("processes", "processes", "d"),
        ("peak MiB", "rss_mb", ".0f"), ("sum of peaks, MiB", "hwm_mb", ".0f"),
        ("allowed", lambda _: limit, ".0f"), ("seconds", "wall_s", ".1f"),
    ])
    ground.keep("memory", rows, text)


if __name__ == "__main__":
    main()
