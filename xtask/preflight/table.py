"""What is demanded beside what was measured: the half that was looked at, the half that was set aside, and both."""

import numpy as np

import spoil

FINDINGS = ("blank", "blurred_heavily", "blurred", "too_dark", "low_contrast", "noisy", "glare")


def codes(row):
    return {finding["code"] for finding in (row.get("judged") or {}).get("findings") or []}


def share(rows, *any_of):
    rows = [row for row in rows if row is not None]
    return (sum(bool(set(any_of) & codes(row)) for row in rows) / len(rows), len(rows)) if rows else (float("nan"), 0)


class Measured:
    """Rows of measurements: of good pictures as they came, and of each damage."""

    def __init__(self, pictures, untouched, results):
        self.pictures, self.untouched, self.results = pictures, untouched, results

    def part(self, keep):
        kept = [p for p in self.pictures if keep(p)]
        return Measured(kept, self.untouched, self.results)

    def good(self, kind=None):
        return [self.untouched[p.name] for p in self.pictures if kind in (None, p.kind)]

    def of(self, label, kind=None):
        rows = self.results.get(label, {})
        return [rows[p.name] for p in self.pictures if kind in (None, p.kind) and rows.get(p.name) is not None]

    def bursts(self):
        """Whether the undamaged frame stands above each damaged one."""
        won = []
        for label, rows in self.results.items():
            for p in self.pictures if label not in spoil.NOT_RANKED else ():
                good, bad = self.untouched[p.name]["judged"]["quality"]["score"], rows.get(p.name)
                if good is not None and bad is not None and bad.get("judged"):
                    score = bad["judged"]["quality"]["score"]
                    won.append(score is None or good > score)
        return (float(np.mean(won)), len(won)) if won else (float("nan"), 0)

    def unclipped_glare(self):
        white = {p.name: self.untouched[p.name]["judged"]["quality"]["clipped"] for p in self.pictures}
        return share([self.results["glare 3 %"].get(p.name) for p in self.pictures if p.kind == "document" and white[p.name] <= 0.02], "glare")


def demands(blank):
    """Each demand: its words, its bound in percent (at most where negative), and how it is measured."""
    for code in ("blank", "blurred_heavily"):
        yield f"false alarms: {code}", -1, lambda m, code=code: share(m.good(), code)
    for code in ("blurred", "too_dark", "low_contrast", "noisy"):
        yield f"false alarms: {code}", -1.5, lambda m, code=code: share(m.good(), code)
    yield "false alarms: glare, documents", -3, lambda m: share(m.good("document"), "glare")
    heavy = (("gauss 4", 90), ("gauss 6", 98), ("gauss 4 + noise 8", 80), ("disc 8", 88), ("motion 20", 40))
    for label, least in heavy:
        yield f"blurred_heavily: {label}, documents", least, lambda m, label=label: share(m.of(label, "document"), "blurred_heavily")
    yield "blurred_heavily: motion 20, people", 90, lambda m: share(m.of("motion 20", "person"), "blurred_heavily")
    either = ("blurred", "blurred_heavily")
    for label, least in (("gauss 3", 97), ("gauss 3 + noise 4", 85), ("gauss 2", 75), ("motion 20", 50)):
        yield f"blurred or worse: {label}, documents", least, lambda m, label=label: share(m.of(label, "document"), *either)
    for label in ("noise 4", "noise 8"):
        yield f"blurred or worse: sharp, {label}", -2, lambda m, label=label: share(m.of(label), *either)
    for code, label in (("too_dark", "under 0.1"), ("low_contrast", "fog 0.2"), ("noisy", "noise 20")):
        yield f"{code}: {label}", 98, lambda m, code=code, label=label: share(m.of(label), code)
    yield "blank: frames with nothing on them", 98, lambda m: share(blank, "blank")
    yield "glare: 3 %, documents not clipped", 60, Measured.unclipped_glare
    yield "burst: the undamaged frame wins", 97, Measured.bursts


def parts(measured):
    return (
        ("first half", measured.part(lambda p: not p.aside)),
        ("set aside", measured.part(lambda p: p.aside)),
        ("all", measured),
    )


def show(measured, blank, still_read):
    columns = parts(measured)
    print(f"\n{'demand':46}{'demanded':>10}" + "".join(f"{name:>20}" for name, _ in columns))
    rows = list(demands(blank))
    if still_read is not None:
        rows.append(("refused pictures whose words are still read", -2, lambda m: still_read if m is measured else (float("nan"), 0)))
    for name, bound, how in rows:
        cells = ""
        for _, part in columns:
            value, count = how(part)
            missed = count and (value > -bound / 100 if bound < 0 else value < bound / 100)
            cell = f"{value * 100:.1f} % of {count}" + ("!" if missed else " ") if count else "- "
            cells += f"{cell:>20}"
        print(f"{name:46}{('<= ' if bound < 0 else '>= ') + f'{abs(bound):g} %':>10}{cells}")
    print("!: missed. Of all good pictures together none may be called blank or blurred_heavily.")
    print("\nnot detected, of documents (nothing is demanded): any finding that the untouched picture has not")
    for label in spoil.NOT_DETECTED:
        new = [
            bool(codes(row) - codes(measured.untouched[p.name]))
            for p in measured.pictures
            if p.kind == "document" and (row := measured.results[label].get(p.name)) is not None
        ]
        print(f"  {label:16}{np.mean(new) * 100:6.1f} % of {len(new)}")
    print("\nall findings by damage, % of all pictures")
    print(f"{'':20}" + "".join(f"{n[:9]:>10}" for n in FINDINGS))
    for label, rows in [("untouched", measured.good())] + [(label, measured.of(label)) for label in measured.results]:
        print(f"{label:20}" + "".join(f"{share(rows, n)[0] * 100:10.1f}" for n in FINDINGS))


def percentiles(measured):
    print("\ngood pictures as they came, by our own decoder and resizer")
    print(f"{'':30}{'1%':>9}{'5%':>9}{'50%':>9}{'95%':>9}{'99%':>9}")
    for source in (None, "photograph", "drawn", "specimen"):
        rows = [measured.untouched[p.name] for p in measured.pictures if source in (None, p.source)]
        for key in ("sharpness", "coarse_sharpness", "contrast98", "p99", "noise"):
            values = [r["judged"]["quality"][key] for r in rows]
            values = [v for v in values if v is not None]
            if values:
                print(f"{source or 'all':12}{key:18}" + "".join(f"{v:9.3f}" for v in np.percentile(values, (1, 5, 50, 95, 99))))
    print("\nfalse alarms, each")
    for p in measured.pictures:
        row = measured.untouched[p.name]
        found = codes(row) - (set() if p.kind == "document" else {"glare"})
        if found:
            q = row["judged"]["quality"]
            print(f"  {p.source} {p.name}{' (set aside)' if p.aside else ''}: {' '.join(sorted(found))}; D1 {q['sharpness']} D2 {q['coarse_sharpness']} contrast {q['contrast98']} p99 {q['p99']} noise {q['noise']} glare {q['glare']}")
