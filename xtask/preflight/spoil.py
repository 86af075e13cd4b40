"""What spoils a plane of luma, each by a generator of its own: blur, noise, darkness, fog, glare, and what is not found."""

import math

import numpy as np
from PIL import Image

SEED = 20261128


def along(plane, weights, axis):
    """A line of weights over an axis, edges repeated."""
    r = len(weights) // 2
    padded = np.pad(plane, [(r, r) if a == axis else (0, 0) for a in range(2)], mode="edge")
    out = np.zeros_like(plane)
    for i, w in enumerate(weights):
        out += np.float32(w) * (padded[i : i + plane.shape[0]] if axis == 0 else padded[:, i : i + plane.shape[1]])
    return out


def gauss(luma, sigma, rng=None):
    x = np.arange(-math.ceil(4 * sigma), math.ceil(4 * sigma) + 1)
    k = np.exp(-(x**2) / (2 * sigma**2))
    return along(along(luma, k / k.sum(), 0), k / k.sum(), 1)


def noise(luma, sigma, rng):
    return luma + rng.normal(0, sigma, luma.shape).astype(np.float32)


def gauss_noise(luma, both, rng):
    return noise(gauss(luma, both[0]), both[1], rng)


def motion(luma, length, rng):
    angle = rng.uniform(0, math.pi)
    steps = [i - (length - 1) / 2 for i in range(length)]
    offsets = [(round(s * math.sin(angle)), round(s * math.cos(angle))) for s in steps]
    r = length // 2 + 1
    padded = np.pad(luma, r, mode="edge")
    h, w = luma.shape
    return sum(padded[r + dy : r + dy + h, r + dx : r + dx + w] for dy, dx in offsets) / np.float32(length)


def disc(luma, radius, rng):
    """Rows of the disc as differences of running sums."""
    r, (h, w) = radius, luma.shape
    sums = np.cumsum(np.pad(luma.astype(np.float64), ((r, r), (r + 1, r)), mode="edge"), axis=1)
    out, count = np.zeros((h, w)), 0
    for dy in range(-r, r + 1):
        half = math.isqrt(r * r - dy * dy)
        row = sums[r + dy : r + dy + h]
        out += row[:, r + 1 + half : r + 1 + half + w] - row[:, r - half : r - half + w]
        count += 2 * half + 1
    return (out / count).astype(np.float32)


def upscale(luma, side, rng):
    image = Image.fromarray(np.clip(np.rint(luma), 0, 255).astype(np.uint8))
    fit = side / max(image.size)
    small = image.resize([max(1, round(s * fit)) for s in image.size], Image.Resampling.LANCZOS)
    return np.asarray(small.resize(image.size, Image.Resampling.BICUBIC), np.float32)


def under(luma, gain, rng):
    light = (np.clip(luma, 0, 255) / 255) ** 2.2 * gain
    light += rng.normal(0, 1, light.shape) * np.sqrt(0.0004 * light + 1.5e-6)
    return np.clip(light, 0, None) ** (1 / 2.2) * 255


def over(luma, gain, rng):
    return np.clip((np.clip(luma, 0, 255) / 255) ** 2.2 * gain, 0, 1) ** (1 / 2.2) * 255


def fog(luma, c, rng):
    return c * luma + (1 - c) * 200


def glare(luma, percent, rng):
    h, w = luma.shape
    corners = [(y, x) for y in range(0, h - 31, 32) for x in range(0, w - 31, 32)]
    tiles = [(y, x) for y, x in corners if np.ptp(luma[y : y + 32, x : x + 32]) >= 60]
    if not tiles:
        return None
    y0, x0 = tiles[rng.integers(len(tiles))]
    aspect = rng.uniform(0.6, 1.6)
    radius = math.sqrt(percent / 100 * h * w / math.pi)
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    d = np.hypot((xx - x0 - 16) / (radius * math.sqrt(aspect)), (yy - y0 - 16) / (radius / math.sqrt(aspect)))
    alpha = np.clip((1.35 - d) / 0.7, 0, 1)
    return luma + (300 - luma) * (alpha * alpha * (3 - 2 * alpha))


def cut_off(luma, share, rng):
    return luma[:, round(luma.shape[1] * share) :]


def finger(luma, share, rng):
    h, w = luma.shape
    r = math.sqrt(share * h * w / math.pi * 2)
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    alpha = np.clip((r - np.hypot(xx - rng.uniform(0.2, 0.8) * w, yy - h)) / (0.15 * r), 0, 1)
    return luma * (1 - alpha) + 150 * alpha


def half_blurred(luma, sigma, rng):
    out, w = luma.copy(), luma.shape[1] // 2
    out[:, :w] = gauss(luma, sigma)[:, :w]
    return out


def screen(luma, strength, rng):
    """The grid of a display under a slightly turned camera."""
    yy, xx = np.mgrid[0 : luma.shape[0], 0 : luma.shape[1]].astype(np.float32)
    angle = rng.uniform(0.02, 0.12)
    u, v = xx * math.cos(angle) + yy * math.sin(angle), -xx * math.sin(angle) + yy * math.cos(angle)
    grid = 0.5 + 0.25 * np.cos(u * 2 * math.pi / 2.7) + 0.25 * np.cos(v * 2 * math.pi / 2.7)
    return luma * (1 - strength * grid)


DEGRADATIONS = (
    [(f"gauss {s}", gauss, s) for s in (1.5, 2, 3, 4, 6)]
    + [(f"gauss {s} + noise {n}", gauss_noise, (s, n)) for s, n in ((3, 4), (4, 8))]
    + [(f"motion {n}", motion, n) for n in (10, 20, 40)]
    + [(f"disc {r}", disc, r) for r in (4, 8)]
    + [(f"upscale {s}", upscale, s) for s in (200, 300, 400)]
    + [(f"under {g}", under, g) for g in (0.05, 0.1)]
    + [(f"fog {c}", fog, c) for c in (0.1, 0.2)]
    + [(f"noise {s}", noise, s) for s in (4, 8, 20)]
    + [(f"glare {p} %", glare, p) for p in (1, 3, 7, 15)]
    + [("cut off", cut_off, 0.2), ("finger", finger, 0.06), ("half blurred", half_blurred, 4)]
    + [("over-exposed", over, 3.0), ("screen", screen, 0.25)]
)
# Nobody demands that these are found.
NOT_DETECTED = ("cut off", "finger", "half blurred", "over-exposed", "screen")
# Frames whose score says nothing about them.
NOT_RANKED = NOT_DETECTED + ("noise 4",) + tuple(f"glare {p} %" for p in (1, 3, 7, 15))


def spoiled(luma, index, number):
    """The plane after the degradation of this index, or nothing where it cannot be done to it."""
    label, function, value = DEGRADATIONS[index]
    return function(luma, value, np.random.default_rng([SEED, number, index]))


def empty_frames():
    """Frames with nothing on them: flat, gradients, noise up to 2."""
    rng = np.random.default_rng(SEED)
    for i in range(60):
        h, w = 1080, 1440
        base = np.full((h, w), (0, 30, 128, 220, 255)[i % 5], np.float32)
        if i % 3 == 1:
            base = np.linspace(60, 190, w, dtype=np.float32)[None, :].repeat(h, 0)
        yield base + rng.normal(0, (i % 4) * 2 / 3, (h, w))
