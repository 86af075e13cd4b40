"""Another measure of heavy blur beside the specification's, on the same tiles: whether anything is in focus. A tile is as
sharp as it is in the direction that has least of it; the picture is as sharp as the best fiftieth of its tiles. The
specification takes the best tenth of each direction first, which may be other tiles for each."""

import io

import numpy as np
from PIL import Image

import pictures
import spoil

DIRECTIONS = ((2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (-1, 2), (-2, 2), (-2, 1))
DAMAGES = ("gauss 4", "gauss 4 + noise 8", "gauss 6", "disc 8", "motion 20")
LIMITS = (0.21, 0.22, 0.23, 0.24, 0.25)


def halved(luma):
    y = np.clip(np.rint(luma), 0, 255).astype(np.int64)
    h, w = (side // 2 * 2 for side in y.shape)
    return (y[:h:2, :w:2] + y[1:h:2, :w:2] + y[:h:2, 1:w:2] + y[1:h:2, 1:w:2] + 2) // 4


def by_tile(plane):
    h, w = (side // 32 for side in plane.shape)
    return plane[: h * 32, : w * 32].reshape(h, 32, w, 32)


def ratios(luma):
    """By tile that tells, what there is at two pixels against six in each direction; nothing where too few tell."""
    plane = halved(luma)
    tiles = by_tile(plane)
    spread, mean = tiles.max((1, 3)) - tiles.min((1, 3)), tiles.mean((1, 3))
    second = lambda a, axis: np.diff(a, 2, axis)
    noises = np.abs(second(second(tiles, 1), 3)).sum((1, 3))[(mean > 8) & (mean < 247)]
    noise = np.percentile(noises, 10) / 900 * np.sqrt(np.pi / 2) / 6 if noises.size else 0
    y, x = np.indices(spread.shape)
    inside = (x > 0) & (y > 0) & ((x + 1) * 32 + 6 <= plane.shape[1]) & ((y + 1) * 32 + 6 <= plane.shape[0])
    tells = inside & (spread >= 32)
    if tells.sum() < 8:
        return None
    tells &= spread >= np.percentile(spread[tells], 75)

    def energies(times):
        for dx, dy in DIRECTIONS:
            there = np.roll(plane, (-dy * times, -dx * times), (0, 1))
            yield by_tile((plane - there) ** 2).mean((1, 3))[tells] - 2 * noise**2

    near, far = (np.stack(list(energies(times)), 1) for times in (1, 3))
    return np.where(far < 0.03 * far.max(1, keepdims=True), 1, np.maximum(near, 0) / np.maximum(far, 1))


def both(luma):
    """The specification's number and this one's."""
    r = ratios(luma)
    return None if r is None else (np.percentile(r, 90, 0).min(), np.percentile(r.min(1), 98))


def show(chosen):
    rows = {}
    for picture in chosen:
        luma = np.rint(picture.luma()).astype(np.float32)
        for label in (None, *DAMAGES):
            index = label and [d[0] for d in spoil.DEGRADATIONS].index(label)
            bad = None if label is None else io.BytesIO(pictures.written(spoil.spoiled(luma, index, picture.number)))
            numbers = both(luma if bad is None else np.asarray(Image.open(bad).convert("L")))
            if numbers is not None:
                rows.setdefault(label, []).append((picture, numbers))
    good = sorted((numbers[1], numbers[0], picture.name) for picture, numbers in rows[None])
    print("least of good pictures (this, the specification's): " + ", ".join(f"{n} {a:.3f} {b:.3f}" for a, b, n in good[:4]))
    shares = lambda label, which, limit, aside: [
        numbers[which] < limit
        for picture, numbers in rows[label]
        if picture.aside == aside and (label is None or picture.kind == "document")
    ]
    print("| limit | false alarms, first half and set aside | " + " | ".join(f"{d}, both halves" for d in DAMAGES) + " |")
    for name, which, limits in (("the specification's", 0, (0.22,)), ("this", 1, LIMITS)):
        for limit in limits:
            alarms = [sum(shares(None, which, limit, aside)) for aside in (False, True)]
            found = [[np.mean(shares(d, which, limit, aside)) for aside in (False, True)] for d in DAMAGES]
            cells = [f"{a:.1%}, {b:.1%}" for a, b in found]
            print(f"| {name}, {limit} | {alarms[0]}, {alarms[1]} | " + " | ".join(cells) + " |")
