"""ROC curves as one SVG: share found against share of good pictures, as the threshold moves; a ring at the one in force."""

import numpy as np

# What is measured, where a finding begins, on which side of it, and what it is to find.
PANELS = (
    ("coarse_sharpness", 0.22, "below", ("gauss 4", "gauss 6", "gauss 4 + noise 8", "disc 8", "motion 20")),
    ("sharpness", 0.18, "below", ("gauss 2", "gauss 3", "gauss 3 + noise 4", "motion 20")),
    ("p99", 100, "below", ("under 0.05", "under 0.1")),
    ("contrast98", 80, "below", ("fog 0.1", "fog 0.2")),
    ("noise", 8, "above", ("noise 8", "noise 20")),
    ("glare", 0.002, "above", ("glare 1 %", "glare 3 %", "glare 7 %")),
)
COLOURS = ("#1b6ca8", "#b23a48", "#3a7d44", "#8a5a9e", "#c77d1e")
SIDE, WIDE, HIGH, MOST = 240, 330, 330, 0.2


def values(rows, key):
    got = (r and r.get("judged") and r["judged"]["quality"][key] for r in rows)
    return np.array([v for v in got if v is not None], float)


def draw(path, untouched, spoiled):
    """`untouched` by whether a document, `spoiled` by damage and whether a document: rows of measurements."""
    width, height = 40 + 3 * WIDE, 60 + 2 * HIGH
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">']
    out.append(f'<rect width="{width}" height="{height}" fill="#fff"/>')
    out.append('<text x="40" y="22" font-size="14">Found (up) against false alarms (right, 0 to 20 %) as each threshold moves; ring: the one in force</text>')
    for i, (key, threshold, way, labels) in enumerate(PANELS):
        x0, y0 = 40 + i % 3 * WIDE, 60 + i // 3 * HIGH
        sign = 1 if way == "below" else -1
        only = (True,) if key == "glare" else (True, False)
        good = sign * values([r for d in only for r in untouched[d]], key)
        out.append(f'<rect x="{x0}" y="{y0}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>')
        for part in (0.25, 0.5, 0.75):
            out.append(f'<path d="M{x0} {y0 + SIDE * part}h{SIDE}M{x0 + SIDE * part} {y0}v{SIDE}" stroke="#e4e4e4"/>')
        out.append(f'<text x="{x0}" y="{y0 - 8}">{key} {way} {threshold}{", documents" if key == "glare" else ""}</text>')
        for at, words in ((0, "0"), (0.5, "10 %"), (1, "20 %")):
            out.append(f'<text x="{x0 + SIDE * at}" y="{y0 + SIDE + 15}" fill="#666" text-anchor="middle">{words}</text>')
        for at, words in ((0, "100 %"), (0.5, "50"), (1, "0")):
            out.append(f'<text x="{x0 - 4}" y="{y0 + SIDE * at + 4}" fill="#666" text-anchor="end" font-size="10">{words}</text>')
        for j, label in enumerate(labels):
            bad = sign * values([r for d in only for r in spoiled.get((label, d), [])], key)
            if not len(bad) or not len(good):
                continue
            at = lambda t: (float(np.mean(good < t)), float(np.mean(bad < t)))
            place = lambda p: (x0 + p[0] / MOST * SIDE, y0 + SIDE * (1 - p[1]))
            steps = sorted(set(good) | set(bad) | {max(good.max(), bad.max()) + 1})
            points = [place(p) for p in map(at, steps) if p[0] <= MOST]
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            out.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[j]}" stroke-width="2"/>')
            x, y = place(at(sign * threshold + (0 if way == "below" else 1e-9)))
            if x <= x0 + SIDE:
                out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="none" stroke="{COLOURS[j]}" stroke-width="2"/>')
            out.append(f'<text x="{x0 + 110}" y="{y0 + SIDE - 12 - 16 * (len(labels) - 1 - j)}" fill="{COLOURS[j]}">{label}</text>')
    out.append("</svg>")
    with open(path, "w") as f:
        f.write("\n".join(out))
