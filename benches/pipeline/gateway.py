"""What a gateway costs. `cargo xtask bench gateway [--count 66] [--rounds 3] [--folder DIR] [--rivals]`.

CPU time of `sealpress gateway` and its workers for each upload, over what normalizing and hashing the same photos
costs alone (`floor`), in turns on one CPU; the same bodies passed through unread by the gateway's own relay. With
`--rivals` a reverse proxy of hyper, which looks at nothing, and a gateway in Node (sharp) take their turns too. Bodies
are made and signed beforehand, and the emulator is a process of its own: neither counts. CPU time of a start and an end
without any upload is taken off. Times of answers are the caller's, one upload at a time. Then 64 uploads at a time: the
largest sum of resident memory, workers included."""

import argparse
import base64
import concurrent.futures
import csv
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import signal
import statistics
import subprocess
import time
import urllib.parse

import ground


OURS = [ground.SEALPRESS, "gateway", "--listen", "127.0.0.1:0", "--json", "--quiet"]
RIVALS = ground.ROOT / "target/rivals/pipeline"


class Gateway:
    """A gateway in front of an emulator, measured with its children from start to end."""

    def __init__(self, emulator, command, cpus=None, env=None):
        env = {**emulator.env, "RIVAL_HOME": str(RIVALS), **(env or {})}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, preexec_fn=ground.on(cpus))
        self.url = json.loads(self.process.stdout.readline())["url"]
        self.memory = ground.Memory(self.process.pid)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            raise SystemExit(f"the gateway ended with {self.process.returncode}")
        return {"cpu_s": used.ru_utime + used.ru_stime, **self.memory.end()}


def bodies(files, secret):
    """Each file in an upload's JSON, and its signature."""
    made = []
    for path in files:
        kind = "image/heic" if path.suffix.lower() == ".heic" else "image/jpeg"
        content = f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
        body = json.dumps({"image": {"context": "document-front", "content": content}}).encode()
        made.append((body, hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()))
    return made


def post(connection, path, key, body, signature):
    """Its status, and the seconds until it was there."""
    begun = time.monotonic()
    headers = {"X-AUTH-CLIENT": key, "X-HMAC-SIGNATURE": signature, "Content-Type": "application/json"}
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status, time.monotonic() - begun


def send(url, emulator, made, path, wanted, at_a_time=1):
    """Every body once; how many were answered with the wanted status, and with 429, and the times of all."""
    host = urllib.parse.urlsplit(url).netloc
    key = emulator.told["api_key"]

    def some(part):
        connection = http.client.HTTPConnection(host, timeout=300)
        return [post(connection, path, key, *body) for body in part]

    with concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
        parts = pool.map(some, [made[n::at_a_time] for n in range(at_a_time)])
        answers = [answer for part in parts for answer in part]
    statuses = [status for status, _ in answers]
    wrong = sorted({status for status in statuses if status not in (wanted, 429)})
    if wrong:
        raise SystemExit(f"answers of {wrong}")
    return statuses.count(wanted), statuses.count(429), sorted(seconds for _, seconds in answers)


def session(emulator):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(emulator.told["url"]).netloc)
    headers = {"X-AUTH-CLIENT": emulator.told["api_key"], "Content-Type": "application/json"}
    connection.request("POST", "/v1/sessions", b'{"verification":{}}', headers)
    return json.load(connection.getresponse())["verification"]["id"]


def at(seconds, part):
    """Milliseconds within which this many of a hundred were answered; none where nothing was asked."""
    return sorted(seconds)[min(len(seconds) * part // 100, len(seconds) - 1)] * 1e3 if seconds else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=66)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, default=512, help="MiB, of the gateway")
    parser.add_argument("--folder", help="JPEGs to send instead of photos made from a seed")
    parser.add_argument("--rivals", action="store_true")
    options = parser.parse_args()
    if options.folder:
        files = sorted(p for p in pathlib.Path(options.folder).iterdir() if p.suffix.lower() in (".jpg", ".jpeg"))
        files = [files[n % len(files)] for n in range(options.count)]
        manifest = ground.ROOT / "target/bench-pipeline/gateway.csv"
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text("session,context,media\n" + "".join(f"s,document-front,{p.resolve()}\n" for p in files))
    else:
        manifest = ground.photos(f"usual-{options.count}", count=options.count, mix="usual")
        with open(manifest) as rows:
            files = [manifest.parent / row["media"] for row in csv.DictReader(rows)]
    one = [*OURS, "--workers", "1"]
    with ground.Emulator() as emulator:
        made = bodies(files, emulator.told["secret"])
        path = f"/v1/sessions/{session(emulator)}/media"
        # A path of its own: the same bytes are handed on, and answered with 404.
        unseen = path + "/nothing"
        turns = [
            ("locked-down workers", one, {}, path, 200),
            ("in one process", one, {"SEALPRESS_ISOLATION": "off"}, path, 200),
            ("passed through", one, {}, unseen, 404),
        ]
        if options.rivals:
            node = ["node", ground.ROOT / "benches/rivals/gateway/gateway.mjs"]
            turns += [
                ("hyper, passed through", [ground.ROOT / "target/release/proxy"], {}, unseen, 404),
                ("Node, sharp", node, {"UV_THREADPOOL_SIZE": "1"}, path, 200),
            ]
        costs = {name: [] for name in ["floor", *(turn[0] for turn in turns)]}
        times = {name: [] for name in costs}
        for turn in range(options.rounds):
            floor = json.loads(subprocess.check_output([ground.ROOT / "target/release/floor", manifest], preexec_fn=ground.on({0})))
            costs["floor"].append((floor["normalize_ms"] + floor["hash_ms"]) / floor["items"])
            for name, command, env, where, wanted in turns:
                idle = Gateway(emulator, command, cpus={0}, env=env).end()
                gateway = Gateway(emulator, command, cpus={0}, env=env)
                done, _, seconds = send(gateway.url, emulator, made, where, wanted)
                spent = gateway.end()["cpu_s"] - idle["cpu_s"]
                costs[name].append(spent * 1e3 / done)
                times[name].extend(seconds)
            print(f"round {turn + 1}: " + ", ".join(f"{name} {runs[-1]:.1f} ms" for name, runs in costs.items()), flush=True)
        gateway = Gateway(emulator, [*OURS, "--memory", f"{options.memory}MiB", "--wait", "120s"])
        many = [made[n % len(made)] for n in range(192)]
        done, refused, _ = send(gateway.url, emulator, many, path, 200, at_a_time=64)
        peak = gateway.end()
    floor = statistics.median(costs["floor"])
    rows = [
        {
            "name": name, "ms": statistics.median(runs), "ratio": statistics.median(runs) / floor,
            "least": min(runs), "most": max(runs), "rate": 1e3 / statistics.median(runs),
            **{f"p{part}": at(times[name], part) for part in (50, 99)},
        }
        for name, runs in costs.items()
    ]
    text = ground.table(rows, [
        ("CPU ms an upload", "name", ""), ("median", "ms", ".1f"), ("÷ normalize + hash alone", "ratio", ".2f"),
        ("least", "least", ".1f"), ("most", "most", ".1f"), ("uploads a CPU second", "rate", ".0f"),
        ("p50 ms", "p50", ".1f"), ("p99 ms", "p99", ".1f"),
    ])
    sizes = [len(body) / 2**20 for body, _ in made]
    text += (
        f"\n{options.count} photos, {min(sizes):.1f} to {max(sizes):.1f} MiB of body, {options.rounds} rounds, one CPU.\n"
        f"64 at a time, {len(many)} uploads, --memory {options.memory}MiB: {done} done, {refused} answered 429, peak "
        f"{peak['rss_mb']:.0f} MiB (sum of own peaks {peak['hwm_mb']:.0f}), allowed {options.memory + 96}.\n"
    )
    ground.keep("gateway", {"costs": costs, "peak": peak, "done": done, "refused": refused}, text)


if __name__ == "__main__":
    main()
