"""What the journal costs. `cargo xtask bench journal [--items 1000000]`.

A dry run over items of 1 KB: files, hashes, signatures and the SQLite journal are real, the provider says yes at
once and nothing is prepared, so that what is left is the journal and its bookkeeping. Then the real binary goes
over the finished journal twice: the first of these runs takes the other rules (--accept-changed-policy) and
writes its results, the second has nothing to do; an emulator counts what it is sent."""

import argparse
import shutil
import subprocess

import ground


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--sessions", type=int, default=128)
    parser.add_argument("--keep", action="store_true", help="use the journal of the last time")
    options = parser.parse_args()
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
            command = [dry, "backfill", "run", manifest, "--state", state, "--json", *at_once]
            ran = ground.run(command, emulator.env, threads="journal")
            figures["dry"] = {k: v for k, v in ran.items() if k != "said"}
        figures["journal_mb"] = sum(p.stat().st_size for p in state.glob("journal.db*")) / 2**20
        for name, flags in (("accepting", ["--accept-changed-policy"]), ("second", [])):
            ran = ground.run([*ground.backfill(manifest, state=state), *flags], emulator.env)
            figures[name] = {k: v for k, v in ran.items() if k != "said"}
        sent = emulator.totals()["requests"]
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
