"""What a second worker on a second core adds: `cargo xtask bench image --rivals two [PATH…]`.

    two.py WORKER PATH…

In turns, one worker normalizes each file ROUNDS times on the first core, and two do so at the same time, each on
a core of its own. Printed is how many times the pictures of one the two get done in the same time: by the clock
on the wall, from which a virtual machine's neighbours take, and by the CPU time that a picture takes, which tells
what the two take from each other. Medians, and every turn."""

import json
import os
import statistics
import subprocess
import sys
import time

import pictures

ROUNDS = 8
TURNS = 7


class Worker:
    def __init__(self, program, core):
        self.process = subprocess.Popen(
            [program, "--re-encode"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )

    def ask(self, files):
        self.process.stdin.write("".join(f"{file}\t\n" for file in files))
        self.process.stdin.flush()

    def wait(self, files):
        """CPU milliseconds."""
        answers = [json.loads(self.process.stdout.readline()) for _ in files]
        if wrong := [answer["error"] for answer in answers if answer["error"]]:
            raise SystemExit(wrong[0])
        return sum(answer["cpu_ms"] for answer in answers)


def timed(workers, files):
    began = time.monotonic()
    for worker in workers:
        worker.ask(files)
    cpu = sum(worker.wait(files) for worker in workers)
    return time.monotonic() - began, cpu / len(workers) / 1000


def main():
    program, *paths = sys.argv[1:]
    files = pictures.chosen(paths)
    workers = [Worker(program, core) for core in sorted(os.sched_getaffinity(0))[:2]]
    if len(workers) < 2:
        raise SystemExit("two cores are needed")
    timed(workers, files)
    ratios = []
    for turn in range(TURNS):
        one, two = timed(workers[turn % 2 :][:1], files * ROUNDS), timed(workers, files * ROUNDS)
        ratios.append([2 * alone / both for alone, both in zip(one, two)])
        wall, cpu = ratios[-1]
        print(f"turn {turn + 1}: wall {one[0]:.2f} s alone, {two[0]:.2f} s both: {wall:.3f}; by CPU time {cpu:.3f}", flush=True)
    wall, cpu = (statistics.median(column) for column in zip(*ratios))
    print(f"two workers / one, medians of {TURNS}: {wall:.3f} by the wall, {cpu:.3f} by CPU time")


if __name__ == "__main__":
    main()
