"""What one ordinary PDF costs the whole program: `sealpress prepare` beside qpdf and mutool, CPU time of process and
children, in turns. Arguments: the program, turns, folders of PDFs. Only files that all three take are counted."""

import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

LARGEST = 2 << 20

program, turns, folders = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
out = pathlib.Path(tempfile.mkdtemp())


def commands(file):
    yield "sealpress", [program, "prepare", str(file), "--out", str(out / "ours")]
    yield "qpdf", ["qpdf", "--empty", "--pages", str(file), "1-5", "--", str(out / "qpdf.pdf")]
    yield "qpdf", ["qpdf", "--empty", "--pages", str(file), "1-z", "--", str(out / "qpdf.pdf")]
    yield "mutool", ["mutool", "clean", str(file), str(out / "mutool.pdf"), "1-5"]


def cpu(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # qpdf ends with 3 where it only warns.
    ends = (0, 3) if command[0] == "qpdf" else (0,)
    return spent * 1e3 if done.returncode in ends else None


files = [f for folder in folders for f in sorted(pathlib.Path(folder).rglob("*.pdf")) if f.stat().st_size <= LARGEST]
ours, ratios = [], {"qpdf": [], "mutool": []}
for file in files:
    # Of the two ways to name qpdf's pages, the one that this file has pages for.
    taken = {name: command for name, command in reversed(list(commands(file))) if cpu(command) is not None}
    if len(taken) < 3:
        continue
    spent = {name: [] for name in taken}
    for _ in range(turns):
        for name, command in taken.items():
            spent[name].append(cpu(command))
    median = {name: statistics.median(times) for name, times in spent.items()}
    ours.append(median["sealpress"])
    for name in ratios:
        ratios[name].append(median[name] / median["sealpress"])

print(f"{len(ours)} of {len(files)} PDFs, {turns} turns")
print(f"sealpress prepare: median {statistics.median(ours):.1f} ms")
for name, all_ in ratios.items():
    tenths = statistics.quantiles(all_, n=10)
    print(f"{name} / sealpress: median {statistics.median(all_):.2f}, p10 {tenths[0]:.2f}, p90 {tenths[-1]:.2f}")
