"""What the benches of the pipeline share: an emulator in a process of its own, programs whose CPU time and
memory are counted with all of their children, and tables.

CPU time is what wait4 says of a program and of every child that it waited for. Memory is read from /proc every
20 ms: `rss_mb` is the largest sum of resident memory of the program and its children at one moment (pages that
they share count in each), `hwm_mb` the sum of what each of them ever had, which no sampling can miss."""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEALPRESS = pathlib.Path(os.environ.get("SEALPRESS_BENCH", ROOT / "target/release/sealpress"))
PAGE = os.sysconf("SC_PAGE_SIZE")


class Emulator:
    """`sealpress emulator`, whose CPU time counts for nobody."""

    def __init__(self, script="", cpus=None):
        folder = ROOT / "target/bench-pipeline"
        folder.mkdir(parents=True, exist_ok=True)
        command = [SEALPRESS, "emulator", "--json"]
        if script:
            path = folder / "emulator.toml"
            path.write_text(script)
            command += ["--script", path]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=on(cpus))
        self.told = json.loads(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    @property
    def env(self):
        names = {"SEALPRESS_BASE_URL": "url", "SEALPRESS_API_KEY": "api_key", "SEALPRESS_SECRET": "secret"}
        return {**os.environ, **{name: self.told[key] for name, key in names.items()}}

    def ask(self, path):
        with urllib.request.urlopen(f"{self.told['url']}/__emulator/{path}") as answer:
            return json.load(answer)

    def totals(self):
        return self.ask("totals")

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def on(cpus):
    """Keeps a program on these CPUs."""
    return (lambda: os.sched_setaffinity(0, cpus)) if cpus else None


def run(command, env=None, ok=(0,), cpus=None, threads=None):
    """Runs a program to its end; its figures. `threads`: CPU seconds of the threads of that name."""
    begun = time.monotonic()
    command = [str(c) for c in command]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True, preexec_fn=on(cpus))
    memory = Memory(process.pid, threads)
    said = []
    readers = [threading.Thread(target=lambda s: said.append(s.read()), args=[s]) for s in (process.stdout, process.stderr)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    figures = {"wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime, "user_s": used.ru_utime, "sys_s": used.ru_stime}
    figures.update(memory.end())
    text = "".join(said)
    if process.returncode not in ok:
        raise SystemExit(f"{command} ended with {process.returncode}:\n{text}")
    return figures | {"exit": process.returncode, "said": text}


class Memory:
    def __init__(self, pid, threads=None):
        self.pid, self.threads, self.thread_s = pid, threads, 0.0
        self.most, self.high, self.ended = 0, collections.defaultdict(int), False
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.ended:
            family = list(descend(self.pid))
            self.most = max(self.most, sum(resident(pid) for pid in family))
            for pid in family:
                self.high[pid] = max(self.high[pid], high_water(pid))
            if self.threads:
                self.thread_s = max(self.thread_s, thread_seconds(self.pid, self.threads))
            time.sleep(0.02)

    def end(self):
        self.ended = True
        self.thread.join()
        figures = {"rss_mb": self.most / 2**20, "hwm_mb": sum(self.high.values()) / 2**20, "processes": len(self.high)}
        return figures | ({"thread_s": self.thread_s} if self.threads else {})


def descend(pid):
    yield pid
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield from descend(int(child))
    except OSError:
        pass


def resident(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def high_water(pid):
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def thread_seconds(pid, name):
    total = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            folder = pathlib.Path(f"/proc/{pid}/task/{task}")
            if (folder / "comm").read_text().strip() == name:
                total += int((folder / "schedstat").read_text().split()[0])
    except OSError:
        pass
    return total / 1e9


def photos(name, **flags):
    """The folder of photos of this name, made when it is not there."""
    out = ROOT / "target/bench-pipeline/photos" / name
    flags = [word for key, value in flags.items() for word in (f"--{key.replace('_', '-')}", str(value))]
    subprocess.run([ROOT / "target/release/photos", out, *flags], check=True, stdout=subprocess.DEVNULL)
    return out / "manifest.csv"


def backfill(manifest, *flags, state):
    return [SEALPRESS, "backfill", "run", manifest, "--state", state, "--json", *flags]


def fresh(name):
    """An empty state folder on the disk of target/."""
    state = ROOT / "target/bench-pipeline/state" / name
    shutil.rmtree(state, ignore_errors=True)
    return state


def table(rows, columns):
    """Markdown; `columns`: heading, key or function, format."""
    lines = ["| " + " | ".join(c[0] for c in columns) + " |", "|---" + "|--:" * (len(columns) - 1) + "|"]
    for row in rows:
        cells = []
        for _, key, form in columns:
            value = key(row) if callable(key) else row.get(key)
            cells.append("" if value is None else format(value, form))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def keep(name, figures, text):
    """Under target/bench-pipeline/results, and on the terminal."""
    folder = ROOT / "target/bench-pipeline/results"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(figures, indent=1, default=str) + "\n")
    (folder / f"{name}.md").write_text(text)
    print(text)
    return folder
