"""Slips that are built in on purpose, and whether a test sees them. `cargo xtask mutation [NAME…] [--list]`.

`mutants.toml` says what stands in a source and what would stand there after a slip. All of them are built at once,
each behind a question to a file which of them is meant, so that one build serves them all; the sources are put back
before anything runs. A mutant is seen when a test that it names fails, or does not come to its end in time."""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
CHOSEN = ROOT / "target/mutant"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help="mutants whose names begin so; all of them unless told")
    parser.add_argument("--list", action="store_true", help="their names, and nothing is run")
    parser.add_argument("--seconds", type=float, default=180, help="that the tests of one mutant may take")
    options = parser.parse_args()
    told = tomllib.loads((HERE / "mutants.toml").read_text())
    mutants = [m for m in told["mutant"] if not options.names or m["name"].startswith(tuple(options.names))]
    double = {m["name"] for m in told["mutant"] if [n["name"] for n in told["mutant"]].count(m["name"]) > 1}
    if double or not mutants:
        sys.exit(f"names that are there twice: {double}" if double else "no such mutant")
    if options.list:
        print("\n".join(m["name"] for m in mutants))
        return
    tests = told["tests"]
    programs = build(mutants, tests)
    missed = judge(mutants, tests, programs, options.seconds)
    print(f"{len(mutants)} mutants, {len(missed)} not seen" + "".join(f"\n  {name}" for name in missed))
    sys.exit(1 if missed else 0)


def build(mutants, tests):
    """The test programs by their names, with every mutant in them."""
    files = {}
    for mutant in mutants:
        files.setdefault(ROOT / mutant["file"], []).append(mutant)
    was = {path: path.read_text() for path in files}
    packages = sorted({test["package"] for test in tests.values()})
    command = [os.environ.get("MUTATION_CARGO", "cargo"), "build", "--tests", "--message-format=json"]
    command += [word for package in packages for word in ("-p", package)]
    mutated = {path: planted(was[path], of_file) for path, of_file in files.items()}
    try:
        for path, text in mutated.items():
            path.write_text(text)
        built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    finally:
        for path, text in was.items():
            path.write_text(text)
    messages = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
    if built.returncode:
        said = [m["message"]["rendered"] for m in messages if m["reason"] == "compiler-message"]
        sys.exit("".join(text for text in said if text.startswith("error")))
    programs = {}
    for m in messages:
        if m["reason"] == "compiler-artifact" and m.get("executable") and m["profile"]["test"]:
            package = pathlib.Path(m["manifest_path"]).parent
            programs[(package.name, m["target"]["name"])] = (m["executable"], package)
    return programs


def planted(text, mutants):
    """A source with the slips beside what stands there; `«` and `»` in `code` say which part is meant."""
    places = {}
    for mutant in mutants:
        before, rest = mutant["code"].split("«")
        part, behind = rest.split("»")
        if text.count(before + part + behind) != 1:
            count = text.count(before + part + behind)
            sys.exit(f"{mutant['name']}: {count} places in {mutant['file']} have: {before}{part}{behind}")
        start = text.index(before + part + behind) + len(before)
        places.setdefault((start, start + len(part)), []).append(mutant)
    last = len(text)
    for (start, end), here in sorted(places.items(), reverse=True):
        if end > last:
            sys.exit(f"{here[0]['name']} and another mutant overlap")
        slips = "".join(f"if {is_chosen(mutant)} {{ {mutant['slip']} }} else " for mutant in here)
        # What is a whole statement stays one.
        stop = ";" if text[end - 1] == ";" else ""
        text, last = f"{text[:start]}({slips}{{ {text[start:end]} }}){stop}{text[end:]}", start
    return text


def is_chosen(mutant):
    name = mutant["name"]
    return (
        "{ static CHOSEN: std::sync::OnceLock<bool> = std::sync::OnceLock::new(); *CHOSEN.get_or_init(|| "
        f'std::fs::read_to_string("{CHOSEN}").is_ok_and(|name| name == "{name}")) }}'
    )


def judge(mutants, tests, programs, seconds):
    """Names of those that no test sees. Without any, every test has to pass."""
    CHOSEN.write_text("")
    for name in sorted({test for mutant in mutants for test in mutant["tests"]}):
        if why := failure(name, tests, programs, seconds):
            sys.exit(f"{name} does not pass without a mutant: {why}")
    missed = []
    for mutant in mutants:
        CHOSEN.write_text(mutant["name"])
        began = time.monotonic()
        whys = ((name, failure(name, tests, programs, seconds)) for name in mutant["tests"])
        seen = next((f"{name}: {why}" for name, why in whys if why), None)
        took = time.monotonic() - began
        print(f"{'seen  ' if seen else 'MISSED'} {mutant['name']:44} {took:5.1f} s  {seen or ''}", flush=True)
        if not seen:
            missed.append(mutant["name"])
    CHOSEN.unlink()
    return missed


def failure(name, tests, programs, seconds):
    """The first test that fails, or that they did not end; nothing where all of them pass. `GROUP/NAME` is those of a
    group whose names have that in them."""
    group, _, only = name.partition("/")
    test = tests[group]
    package = test["package"].removeprefix("sealpress-")
    program, folder = programs[(package, test.get("program", test["package"].replace("-", "_")))]
    words = [only] if only else test.get("only", [])
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    ran = subprocess.Popen([program, *words], cwd=folder, text=True, errors="replace", start_new_session=True, **pipe)
    late = threading.Timer(seconds, lambda: os.killpg(ran.pid, signal.SIGKILL))
    late.start()
    failed = None
    for line in ran.stdout:
        if line.startswith("test ") and line.endswith("FAILED\n"):
            failed = line.split()[1]
            os.killpg(ran.pid, signal.SIGKILL)
            break
    ended = ran.wait()
    timed_out = late.finished.is_set()
    late.cancel()
    if failed or ended == 0:
        return failed
    return "no end in time" if timed_out else f"exit code {ended}"


if __name__ == "__main__":
    main()
