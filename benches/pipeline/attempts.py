"""Requests that retries cost. `cargo xtask bench attempts [--items 3000]`.

Uploads of small photos with 1% of transient failures of four kinds, then with none but failures. What counts is
the emulator's own count of upload requests over the items."""

import argparse

import ground

# One in a hundred, of four kinds: refused by a full server, answered by a broken proxy though recorded, reset
# while the body travels, answered by nobody though recorded.
TRANSIENT = "".join(
    f'[[fault]]\nroutes = ["upload"]\nprobability = 0.0025\nseed = {seed}\neffect = {effect}\n'
    for seed, effect in enumerate([
        '{ kind = "status", status = 503 }',
        '{ kind = "status", status = 502, body = "html", recorded = true }',
        '{ kind = "break", at = "mid-body" }',
        '{ kind = "break", at = "after-body", recorded = true }',
    ])
)
OUTAGES = {
    "outage: 503 to every upload": '{ kind = "status", status = 503 }',
    "outage: every upload is reset": '{ kind = "break", at = "mid-body" }',
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=3000)
    parser.add_argument("--only", choices=["transient", "outage"])
    options = parser.parse_args()
    manifest = ground.photos(f"small-{options.items}", count=options.items, mix="small")
    rows = []
    if options.only != "outage":
        rows.append(measure("1% transient failures", TRANSIENT, manifest, options.items, [0]))
    if options.only != "transient":
        for name, effect in OUTAGES.items():
            few = options.items // 10
            manifest = ground.photos(f"small-{few}", count=few, mix="small")
            rows.append(measure(name, f'[[fault]]\nroutes = ["upload"]\neffect = {effect}\n', manifest, few, [3, 6]))
    text = ground.table(rows, [
        ("fault", "name", ""), ("items", "items", "d"), ("upload requests", "requests", "d"), ("÷ items", "ratio", ".4f"),
        ("faults", "faults", "d"), ("duplicates", "duplicates", "d"), ("exit", "exit", "d"), ("seconds", "wall_s", ".0f"),
    ])
    ground.keep("attempts" + (f"-{options.only}" if options.only else ""), rows, text)


def measure(name, script, manifest, items, ok):
    with ground.Emulator(script) as emulator:
        # Five passes as always, each of which waits ten seconds for better times instead of five minutes.
        command = ground.backfill(manifest, "--settle", "500ms", "--patience", "10s", "--sessions", max(items // 3, 24), state=ground.fresh(f"attempts-{name[:9]}"))
        figures = ground.run(command, emulator.env, ok=ok)
        ledger = emulator.ask("ledger")
        duplicates = emulator.totals()["duplicates"]
    requests = ledger["requests"].get("upload", 0)
    return {
        "name": name, "items": items, "requests": requests, "ratio": requests / items, "faults": sum(ledger["faults"].values()),
        "duplicates": duplicates, "exit": figures["exit"], "wall_s": figures["wall_s"],
    }


if __name__ == "__main__":
    main()
