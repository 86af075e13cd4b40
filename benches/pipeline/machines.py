"""One process and two over the same PostgreSQL store. `cargo xtask bench machines`.

Twice: bound by the CPU (one worker each; both processes, the emulator and PostgreSQL share this machine), and
bound by the provider (an emulator that takes its time and two connections for each process), where the CPU is
there for everybody and only the store could stand in the way. The rate is that of the emulator's ledger,
between its first and its last upload, the median of some rounds."""

import argparse
import concurrent.futures
import glob
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

import ground

SLOW = '[[fault]]\nroutes = ["upload"]\neffect = {{ kind = "latency", ms = {ms} }}\n'


class Cluster:
    """A throw-away PostgreSQL of Debian's package, on a free port."""

    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb")) or [shutil.which("initdb")]
        if not found[-1]:
            raise SystemExit("no PostgreSQL here: cargo xtask setup")
        bin = pathlib.Path(found[-1]).parent
        self.folder = tempfile.TemporaryDirectory(prefix="sealpress-pg-")
        root = pathlib.Path(self.folder.name)
        # PostgreSQL refuses to run as root.
        user = pwd.getpwnam("nobody") if os.getuid() == 0 else None
        if user:
            os.chown(root, user.pw_uid, user.pw_gid)
        self.who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": root, **self.who}
        subprocess.run([bin / "initdb", "-D", root / "data", "-U", "sealpress", "-A", "trust", "--no-sync"], check=True, **quiet)
        self.server = subprocess.Popen(
            [bin / "postgres", "-D", root / "data", "-p", str(port), "-k", root, "-c", "listen_addresses=127.0.0.1"], **quiet
        )
        self.url = f"postgres://sealpress@127.0.0.1:{port}/postgres"
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        time.sleep(0.5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()
        self.folder.cleanup()


def measure(cluster, name, processes, manifest, script, flags, items):
    space = f"b{time.time_ns()}"
    with ground.Emulator(script) as emulator:
        common = ["--store", cluster.url, "--namespace", space, "--jobs", 1, *flags]
        commands = [ground.backfill(manifest, *common, state=ground.fresh(f"machine-{n}")) for n in range(processes)]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            ran = list(pool.map(lambda command: ground.run(command, emulator.env), commands))
        ledger = emulator.ask("ledger")
        totals = emulator.totals()
    times = sorted(m["received_ms"] for s in ledger["sessions"] for a in s["attempts"] for m in a["media"])
    if len(times) != items or totals["duplicates"] or totals["submitted"] != totals["sessions"]:
        raise SystemExit(f"{name}: {len(times)} of {items} items arrived: {totals}")
    return {
        "name": name, "processes": processes, "rate": (items - 1) / (times[-1] - times[0]) * 1e3,
        "wall_s": max(r["wall_s"] for r in ran), "cpu_ms": sum(r["cpu_s"] for r in ran) / items * 1e3,
    }


def median(runs):
    return {**sorted(runs, key=lambda run: run["rate"])[len(runs) // 2], "rates": [run["rate"] for run in runs]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=int, default=250, help="milliseconds an upload takes")
    options = parser.parse_args()
    manifest = ground.photos(f"usual-{options.count}", count=options.count)
    rows = []
    cases = [("bound by the CPU", "", []), ("bound by the provider", SLOW.format(ms=options.latency), ["--connections", 2, "--sessions", 2])]
    with Cluster() as cluster:
        for name, script, flags in cases:
            # One and two take turns, so that whoever else syncs to this disk disturbs both.
            turns = [[measure(cluster, name, n, manifest, script, flags, options.count) for n in (1, 2)] for _ in range(options.rounds)]
            pair = [median(runs) for runs in zip(*turns)]
            pair[1]["ratio"] = pair[1]["rate"] / pair[0]["rate"]
            rows += pair
    text = ground.table(rows, [
        (f"{options.count} photos", "name", ""), ("processes", "processes", "d"), ("items/s", "rate", ".1f"),
        ("÷ one", "ratio", ".2f"), ("CPU ms an item", "cpu_ms", ".1f"), ("seconds", "wall_s", ".1f"),
    ])
    ground.keep("machines", rows, text)


if __name__ == "__main__":
    main()
