"""What the journal costs. `cargo xtask bench journal [--items 1000000] [--only share|dry]`.

Its share of the wall: photos go out with the journal on the disk and with it in memory, in turns; what the disk
adds is what the run waits for the journal.

A dry run over items of 1 KB: files, hashes, signatures and the SQLite journal are real, the provider says yes at
once and nothing is prepared, so that what is left is the journal and its bookkeeping. Then the real binary goes
over the finished journal twice: the first of these runs takes the other rules (--accept-changed-policy) and
writes its results, the second has nothing to do; an emulator counts what it is sent."""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

import ground


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=128)
    parser.add_argument("--only", choices=["share", "dry"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", action="store_true", help="use the journal of the last time")
    options = parser.parse_args()
    if options.only != "dry":
        share(options.rounds, None)
        share(options.rounds, {0})
    if options.only != "share":
        dry_run(options)


def share(rounds, cpus):
    """One worker on `cpus`, or on all there are."""
    count = 66
    manifest = ground.photos(f"usual-{count}", count=count, mix="usual")
    taken = {"disk": [], "memory": []}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        for turn in range(rounds + 1):
            for place, runs in taken.items():
                state = ground.fresh("share") if place == "disk" else pathlib.Path(memory) / str(turn)
                with ground.Emulator(cpus={1}) as emulator:
                    command = ground.backfill(manifest, "--jobs", 1, state=state)
                    figures = ground.run(command, emulator.env, threads="journal", cpus=cpus)
                figures.pop("said")
                # The first turn fills caches.
                runs.extend([figures] if turn else [])
    wall = {place: statistics.median(run["wall_s"] for run in runs) for place, runs in taken.items()}
    thread = statistics.median(run["thread_s"] for run in taken["disk"])
    waited = 1 - wall["memory"] / wall["disk"]
    text = (
        f"{count} photos, one worker on {len(cpus or os.sched_getaffinity(0))} cores, {rounds} turns: {wall['disk']:.2f} s with the journal on the disk, "
        f"{wall['memory']:.2f} s with it in memory: {waited:.1%} of the wall is waiting for the disk; "
        f"its thread computes for {thread:.3f} s, {thread / wall['disk']:.1%} of the wall\n"
    )
    ground.keep("journal-share" + ("-one-core" if cpus else ""), taken, text)


def dry_run(options):
    folder = ground.ROOT / "target/bench-pipeline/dry"
    dry = ground.ROOT / "target/release/examples/dry"
    manifest = folder / "manifest.csv"
    state = folder / "state"
    figures = {"items": options.items}
    with ground.Emulator() as emulator:
        if not options.keep:
            subprocess.run([dry, "make", folder, str(options.items)], check=True)
            shutil.rmtree(state, ignore_errors=True)
            at_once = ["--sessions", options.sessions, "--connections", options.sessions]
            command = [dry, "run", manifest, "--state", state, *at_once]
            ran = ground.run(command, emulator.env, threads="journal")
            figures["dry"] = {k: v for k, v in ran.items() if k != "said"}
        figures["journal_mb"] = sum(p.stat().st_size for p in state.glob("journal.db*")) / 2**20
        for name, flags in (("accepting", ["--accept-changed-policy"]), ("second", [])):
            ran = ground.run([*ground.backfill(manifest, state=state), *flags], emulator.env)
            figures[name] = {k: v for k, v in ran.items() if k != "said"}
        sent = sum(emulator.ask("ledger")["requests"].values())
    figures["requests"] = sent
    rows = [
        {"name": name, "wall_s": figures[key]["wall_s"], "cpu_s": figures[key]["cpu_s"], "rss_mb": figures[key]["rss_mb"],
         "rate": options.items / figures[key]["wall_s"]}
        for name, key in (("dry run", "dry"), ("run after other rules", "accepting"), ("second run", "second")) if key in figures
    ]
    text = ground.table(rows, [
        (f"{options.items:,} items", "name", ""), ("seconds", "wall_s", ".1f"), ("CPU s", "cpu_s", ".1f"),
        ("items/s", "rate", ",.0f"), ("peak memory, MB", "rss_mb", ".0f"),
    ])
    text += f"\njournal {figures['journal_mb']:.0f} MB; requests to the provider by the real binary: {sent}\n"
    ground.keep("journal", figures, text)


if __name__ == "__main__":
    main()
