"""Keeps the first five pages of generated files with every tool in turns; CPU and peak memory of the
whole process, as the kernel counts them. Writes results.md and results.svg beside itself.

The files are made anew in a temporary folder. A tool that is not there is left out of the table. The
memory of a process includes what this program had when it started it (about 10 MB).
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
FILES = [
    ("500 pages", "plain", 500),
    ("5,000 pages", "plain", 5_000),
    ("5,000 in object streams", "packed", 5_000),
    ("50,000 pages", "plain", 50_000),
    ("315 MB scan", "scan", 150),
]
PIKEPDF = "import pikepdf,sys\nwith pikepdf.open(sys.argv[1]) as p:\n    del p.pages[5:]\n    p.save(sys.argv[2])"
PYPDF = "import pypdf,sys\nw = pypdf.PdfWriter()\nw.append(sys.argv[1], pages=(0, 5))\nw.write(sys.argv[2])"


def tools(worker):
    python = sys.executable
    table = {
        "sealpress": [worker, "trim", "IN", "OUT"],
        "qpdf --empty": ["qpdf", "--empty", "--pages", "IN", "1-5", "--", "OUT"],
        "qpdf .": ["qpdf", "IN", "--pages", ".", "1-5", "--", "OUT"],
        "mutool": ["mutool", "clean", "-g", "IN", "OUT", "1-5"],
        "pikepdf": [python, "-c", PIKEPDF, "IN", "OUT"],
        "pypdf": [python, "-c", PYPDF, "IN", "OUT"],
    }
    return {name: command for name, command in table.items() if shutil.which(command[0])}


def run(command, source, output):
    """CPU milliseconds and peak MB of one run, or None when it failed."""
    command = [{"IN": source, "OUT": output}.get(part, part) for part in command]
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    os.close(null)
    _, status, usage = os.wait4(pid, 0)
    # qpdf says 3 for success with warnings.
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        return None
    return (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / 1000


def measure(worker, runs, files):
    contestants = tools(worker)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for label, kind, pages in files:
            source, output = f"{folder}/in.pdf", f"{folder}/out.pdf"
            subprocess.run([worker, "make", kind, str(pages), source], check=True)
            taken = {name: [] for name in contestants}
            for _ in range(runs):
                for name, command in contestants.items():
                    taken[name].append(run(command, source, output))
            for name, all_runs in taken.items():
                sound = [r for r in all_runs if r]
                if sound:
                    cpu, rss = zip(*sound)
                    results[name, label] = statistics.median(cpu), max(rss)
            print(label, {n: f"{results[n, label][0]:.1f} ms {results[n, label][1]:.0f} MB" for n in contestants if (n, label) in results}, flush=True)
    return list(contestants), results


def number(value):
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def markdown(names, labels, results):
    rows = ["| CPU ms (peak MB) | " + " | ".join(labels) + " |", "|---" * (len(labels) + 1) + "|"]
    for name in names:
        cells = [results.get((name, label)) for label in labels]
        texts = [f"{number(c[0])} ({c[1]:.0f})" if c else "failed" for c in cells]
        rows.append(f"| {name} | " + " | ".join(texts) + " |")
    return "\n".join(rows) + "\n"


def svg(names, labels, results):
    """Bars of CPU time on a logarithmic scale from 1 ms to 100 s."""
    import math

    width, bar, left = 760, 13, 190
    group = len(names) * (bar + 2) + 34
    colours = ["#0b7a75", "#7d8597", "#979dac", "#5c677d", "#b08968", "#ddb892"]
    parts = []
    for g, label in enumerate(labels):
        y = 30 + g * group
        parts.append(f'<text x="8" y="{y + 12}" font-weight="bold">{label}</text>')
        for i, name in enumerate(names):
            cell = results.get((name, label))
            if not cell:
                continue
            length = max(2, math.log10(max(cell[0], 1)) / 5 * (width - left - 90))
            top = y + 18 + i * (bar + 2)
            parts.append(f'<text x="{left - 8}" y="{top + 11}" text-anchor="end">{name}</text>')
            parts.append(f'<rect x="{left}" y="{top}" width="{length:.1f}" height="{bar}" rx="2" fill="{colours[i % 6]}"/>')
            parts.append(f'<text x="{left + length + 6:.1f}" y="{top + 11}">{number(cell[0])} ms</text>')
    height = 30 + len(labels) * group
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">'
    title = '<text x="8" y="18" font-size="13">First five pages: CPU time of the whole process, logarithmic</text>'
    return head + f'<rect width="{width}" height="{height}" fill="#fff"/>' + title + "".join(parts) + "</svg>\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("worker")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="without 50,000 pages, nothing written")
    options = parser.parse_args()
    files = [f for f in FILES if not options.quick or f[2] != 50_000]
    names, results = measure(os.path.abspath(options.worker), options.runs, files)
    labels = [label for label, _, _ in files]
    table = markdown(names, labels, results)
    print(table)
    if not options.quick:
        (HERE / "results.md").write_text(table)
        (HERE / "results.svg").write_text(svg(names, labels, results))


main()
