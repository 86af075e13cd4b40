"""Keeps the first five pages of generated files with every tool in turns: CPU time and peak memory of the
whole process, as the kernel counts them. Then what our trimmer costs inside one process.

    run.py WORKER HOME [PART…]

Each part is measured on its own and remembered in HOME/results.json with its date; the table and the plot
are written from all of them into benches/results/. Files are made anew in HOME and removed. A tool that is
not there is left out.
"""
import datetime
import json
import math
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
RESULTS = ROOT / "benches/results"
# Name, title, kind, pages, runs of each tool.
FILES = {
    "500": ("500 pages", "plain", 500, 9),
    "5000": ("5,000 pages", "plain", 5_000, 7),
    "packed": ("5,000 in object streams", "packed", 5_000, 7),
    "50000": ("50,000 pages", "plain", 50_000, 5),
    "scan": ("315 MB scan", "scan", 150, 9),
}
PIKEPDF = "import pikepdf,sys\nwith pikepdf.open(sys.argv[1]) as p:\n    del p.pages[5:]\n    p.save(sys.argv[2])"
PYPDF = "import pypdf,sys\nw = pypdf.PdfWriter()\nw.append(sys.argv[1], pages=(0, 5))\nw.write(sys.argv[2])"
# Of 50,000 pages, what takes longer than a minute is left out (qpdf of the file itself takes over three).
SLOW = {"qpdf .", "pikepdf", "pypdf"}


def tools(worker):
    python = sys.executable
    table = {
        "sealpress": [worker, "trim", "IN", "OUT"],
        "qpdf --empty": ["qpdf", "--empty", "--pages", "IN", "1-5", "--", "OUT"],
        "qpdf .": ["qpdf", "IN", "--pages", ".", "1-5", "--", "OUT"],
        "mutool clean": ["mutool", "clean", "IN", "OUT", "1-5"],
        # Leaves the other pages' objects out of the file, as the rest do; stronger -g's take longer.
        "mutool clean -gg": ["mutool", "clean", "-gg", "IN", "OUT", "1-5"],
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
    return (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss * 1024 / 1e6


def made(worker, home, kind, pages):
    path = f"{home}/{kind}-{pages}.pdf"
    subprocess.run([worker, "make", kind, str(pages), path], check=True)
    return path


def whole_processes(worker, home, part):
    title, kind, pages, runs = FILES[part]
    source, output = made(worker, home, kind, pages), f"{home}/out.pdf"
    contestants = tools(worker)
    taken = {name: [] for name in contestants}
    for turn in range(runs + 1):
        for name, command in contestants.items():
            if part == "50000" and name in SLOW:
                continue
            result = run(command, source, output)
            # The first turn fills caches.
            if turn or result is None:
                taken[name].append(result)
    rows = {}
    for name, results in taken.items():
        sound = [result for result in results if result]
        if sound:
            cpu, memory = zip(*sound)
            rows[name] = [statistics.median(cpu), max(memory)]
    for path in (source, output):
        os.unlink(path)
    return rows


def inside(worker, home):
    few, many = made(worker, home, "plain", 500), made(worker, home, "plain", 50_000)
    answer = json.loads(subprocess.run([worker, "inside", few, many], check=True, stdout=subprocess.PIPE).stdout)
    for path in (few, many):
        os.unlink(path)
    return answer


def look(worker, home):
    """Ordinary text pages are made; how many pages need the raster is told by real files, where they are."""
    text = [made(worker, home, "plain", 500), made(worker, home, "packed", 500)]
    corpus = ROOT.parent / "shared/corpus"
    real = sorted(str(path) for folder in ("pdf", "pdf-trim") for path in (corpus / folder).glob("*.pdf"))
    answers = {}
    for name, files in (("text", text), ("real", real)):
        lines = subprocess.run([worker, "look", *files], check=True, stdout=subprocess.PIPE).stdout.splitlines()
        rows = [json.loads(line) for line in lines]
        pages = [row["ms"] for row in rows for _ in range(row["judged"])]
        if pages:
            answers[name] = {
                "pages": len(pages),
                "median": statistics.median(pages),
                "drawn": sum(row["drawn"] for row in rows),
            }
    for path in text:
        os.unlink(path)
    return answers


def number(value):
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def measured(results):
    return [part for part in FILES if part in results]


def names_of(results):
    names = []
    for part in measured(results):
        names += [name for name in results[part] if name not in names]
    return names


def markdown(results):
    parts = measured(results)
    rows = ["| CPU ms (peak MB) | " + " | ".join(FILES[part][0] for part in parts) + " |"]
    rows.append("|---" + "|--:" * len(parts) + "|")
    for name in names_of(results):
        cells = [results[part].get(name) for part in parts]
        rows.append(f"| {name} | " + " | ".join(f"{number(c[0])} ({c[1]:.0f})" if c else "–" for c in cells) + " |")
    for name in names_of(results)[1:]:
        cells = [(results[part].get(name), results[part].get("sealpress")) for part in parts]
        rows.append(f"| {name} ÷ sealpress | " + " | ".join(f"{t[0] / o[0]:.1f}" if t and o else "–" for t, o in cells) + " |")
    text = "\n".join(rows) + "\n"
    if "inside" in results:
        few, many = results["inside"]["few"], results["inside"]["many"]
        text += f"\nIn one process, without looking at pages: 500 pages {few:.2f} ms, 50,000 pages {many:.2f} ms, ratio {many / few:.2f}.\n"
    if "look" in results:
        for name, title in (("text", "made text pages"), ("real", "pages of real and broken files")):
            row = results["look"].get(name)
            if row:
                share = 100 * row["drawn"] / row["pages"]
                text += f"\nLooking for empty pages, {row['pages']} {title}: median {row['median']:.2f} ms a page, {share:.0f}% had to be drawn.\n"
    return text


def svg(results):
    """Bars of CPU time on a logarithmic scale from 1 ms to 10 s."""
    width, bar, left, right = 760, 14, 120, 80
    colours = {"sealpress": "#0b7a75", "qpdf --empty": "#5c677d", "qpdf .": "#7d8597", "mutool clean": "#979dac", "mutool clean -gg": "#adb5bd", "pikepdf": "#b08968", "pypdf": "#ddb892"}
    parts, y = [], 54
    place = lambda ms: left + math.log10(max(ms, 1)) / 4 * (width - left - right)
    lines = []
    for part in measured(results):
        parts.append(f'<text x="8" y="{y + 12}" font-weight="bold">{FILES[part][0]}</text>')
        y += 20
        for name in names_of(results):
            cell = results[part].get(name)
            if not cell:
                continue
            end = max(place(cell[0]), left + 2)
            parts.append(f'<text x="{left - 8}" y="{y + 11}" text-anchor="end">{name}</text>')
            parts.append(f'<rect x="{left}" y="{y}" width="{end - left:.1f}" height="{bar}" rx="2" fill="{colours.get(name, "#999")}"/>')
            parts.append(f'<text x="{end + 6:.1f}" y="{y + 11}">{number(cell[0])} ms</text>')
            y += bar + 3
        y += 12
    for power, label in enumerate(("1 ms", "10 ms", "100 ms", "1 s", "10 s")):
        x = place(10**power)
        lines.append(f'<line x1="{x:.1f}" y1="48" x2="{x:.1f}" y2="{y - 8}" stroke="#e3e6ea"/>')
        lines.append(f'<text x="{x:.1f}" y="42" text-anchor="middle" fill="#667">{label}</text>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" font-family="sans-serif" font-size="11">'
    title = '<text x="8" y="20" font-size="14" font-weight="bold">Keeping the first five pages: CPU time of the whole process, logarithmic</text>'
    return head + f'<rect width="{width}" height="{y}" fill="#fff"/>' + title + "".join(lines + parts) + "</svg>\n"


def version(command):
    try:
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return answer.stdout.strip().splitlines()[0]
    except (OSError, IndexError):
        return None


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    import pikepdf
    import pypdf

    versions = [version(["qpdf", "--version"]), version(["mutool", "-v"]), f"pikepdf {pikepdf.__version__}", f"pypdf {pypdf.__version__}"]
    return f"{os.cpu_count()} × {model}; " + ", ".join(v for v in versions if v)


def main():
    worker, home, *parts = sys.argv[1:]
    worker, known = os.path.abspath(worker), [*FILES, "inside", "look"]
    unknown = [part for part in parts if part not in known]
    if unknown:
        sys.exit(f"no such part: {' '.join(unknown)}; there are {' '.join(known)}")
    memory = pathlib.Path(home) / "results.json"
    results = json.loads(memory.read_text()) if memory.exists() else {}
    for part in parts or known:
        results[part] = {"inside": inside, "look": look}[part](worker, home) if part in ("inside", "look") else whole_processes(worker, home, part)
        print(part, json.dumps(results[part]), flush=True)
        memory.write_text(json.dumps(results, indent=1))
    RESULTS.mkdir(exist_ok=True)
    note = f"All files of the table are generated. Measured by `cargo xtask bench pdf --rivals` on {datetime.date.today()}, {machine()}.\n"
    (RESULTS / "pdf.md").write_text(markdown(results) + "\n" + note)
    (RESULTS / "pdf.svg").write_text(svg(results))
    print((RESULTS / "pdf.md").read_text())


main()
