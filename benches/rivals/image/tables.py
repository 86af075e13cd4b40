"""From one row a file and rival to what is said of each kind."""

import statistics

from pictures import KINDS

OURS = "sealpress"


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, max(0, round(share * (len(values) - 1))))]


def pairs(rows, rival, kind):
    """Our row and the rival's for each file of a kind that both made."""
    done = [r for r in rows if not r["error"] and "cpu_ms" in r and (kind is None or r["kind"] == kind)]
    ours = {r["file"]: r for r in done if r["rival"] == OURS}
    return [(ours[r["file"]], r) for r in done if r["rival"] == rival and r["file"] in ours]


def summary(rows):
    rivals = list(dict.fromkeys(r["rival"] for r in rows if r["rival"] != OURS))
    lines = [
        "| kind | against | files | CPU ÷ ours: median | p10 | p90 | worst | sum | bytes ÷ theirs | SSIMULACRA2 less theirs: median | worst | lower on |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for kind in [*KINDS, None]:
        for rival in rivals:
            both = pairs(rows, rival, kind)
            if not both:
                continue
            ratios = [theirs["cpu_ms"] / ours["cpu_ms"] for ours, theirs in both]
            total = sum(t["cpu_ms"] for _, t in both) / sum(o["cpu_ms"] for o, _ in both)
            size = statistics.median(o["bytes"] / t["bytes"] for o, t in both)
            scored = [(o["ssimulacra2"], t["ssimulacra2"]) for o, t in both]
            better = [o - t for o, t in scored if o is not None and t is not None]
            quality = (
                f"{statistics.median(better):+.2f} | {min(better):+.2f} | {sum(b < 0 for b in better)}" if better else "– | – | –"
            )
            lines.append(
                f"| {kind or 'all'} | {rival} | {len(both)} | {statistics.median(ratios):.2f} | {quantile(ratios, 0.1):.2f} "
                f"| {quantile(ratios, 0.9):.2f} | {min(ratios):.2f} | {total:.2f} | {size:.2f} | {quality} |"
            )
    return "\n".join(lines) + "\n"


def each(rows):
    lines = ["| picture | kind | tool | CPU ms | ÷ ours | bytes | SSIMULACRA2 | peak MB |", "|---|---|---|--:|--:|--:|--:|--:|"]
    ours = {r["file"]: r.get("cpu_ms") for r in rows if r["rival"] == OURS}
    for r in rows:
        if r["error"] or "cpu_ms" not in r:
            lines.append(f"| {r['file']} | {r['kind']} | {r['rival']} | {r['error'] or 'no figure'} | | | | |")
            continue
        base = ours.get(r["file"])
        ratio = f"{r['cpu_ms'] / base:.2f}" if base else ""
        score = "" if r["ssimulacra2"] is None else f"{r['ssimulacra2']:.2f}"
        lines.append(
            f"| {r['file']} | {r['kind']} | {r['rival']} | {r['cpu_ms']:.1f} | {ratio} | {r['bytes']:,} | {score} | {r['peak_mb']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def plot(rows):
    """Ratios of every file as dots, a line for each kind and rival; one is where both cost the same."""
    rivals = list(dict.fromkeys(r["rival"] for r in rows if r["rival"] != OURS))
    groups = [(kind, rival, pairs(rows, rival, kind)) for kind in KINDS for rival in rivals]
    groups = [(kind, rival, [t["cpu_ms"] / o["cpu_ms"] for o, t in both]) for kind, rival, both in groups if both]
    if not groups:
        return ""
    top = max(4.0, max(max(ratios) for *_, ratios in groups))
    left, width, step = 290, 900, 20
    place = lambda ratio: left + ratio / top * (width - left - 60)
    height = len(groups) * step + 50
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    ticks = range(0, int(top) + 1, max(1, int(top) // 10))
    for tick in ticks:
        colour = "#b3261e" if tick == 1 else "#dde2e6"
        out.append(f'<line x1="{place(tick):.1f}" y1="10" x2="{place(tick):.1f}" y2="{height - 34}" stroke="{colour}"/>')
        out.append(f'<text x="{place(tick):.1f}" y="{height - 18}" text-anchor="middle">{tick}</text>')
    out.append(f'<text x="{left}" y="{height - 4}">CPU of the other tool ÷ ours, a dot for each photo, a bar at the median</text>')
    for i, (kind, rival, ratios) in enumerate(groups):
        y = 22 + i * step
        out.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(kind)}, {escape(rival)}</text>')
        out += [f'<circle cx="{place(r):.1f}" cy="{y}" r="3" fill="#1a7f5a" fill-opacity="0.5"/>' for r in ratios]
        middle = place(statistics.median(ratios))
        out.append(f'<rect x="{middle - 1.5:.1f}" y="{y - 7}" width="3" height="14" fill="#0b3d2c"/>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")
