//! How good a picture is, told from its luma alone and cheaply: blur, noise, exposure, contrast, glare.
//!
//! The plane is looked at in tiles of 32 × 32. A first pass takes from each the range of its samples, their sum, its
//! noise and how many are white. Blur is looked for in the most contrasty quarter of the tiles: how much neighbours two
//! pixels apart differ against neighbours six apart, in eight directions, each less what the noise adds. A picture with
//! no detail finer than six pixels has 1/9 of it, whatever it shows. The same on the plane at half size says whether
//! anything can be read at all. All sums are of integers and the same in every kernel.
//!
//! | file | what it knows |
//! |---|---|
//! | `looks` | what one look at a tile gives |
//! | `kernels` | which code runs |
//! | `scalar`, `avx2`, `avx512`, `neon` | a tile's numbers, differences in eight directions, half the size |
//! | `tiles` | a plane's tiles, and percentiles of them |
//! | `blur` | the tiles that tell, and what they tell |
//! | `glare` | blobs of white tiles |

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads, stores, hints and the dispatch to AVX2")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads and the dispatch to AVX-512")]
mod avx512;
mod blur;
mod glare;
mod kernels;
mod looks;
#[cfg(target_arch = "aarch64")]
#[expect(unsafe_code, reason = "vector loads, stores and calls of what has a target feature")]
mod neon;
mod scalar;
#[cfg(test)]
mod tests;
mod tiles;

use std::ops::Range;

use sealpress_media::Quality;

use crate::cpu::Cpu;
use crate::planes::Plane;
use blur::Blur;
use glare::Glare;
use tiles::Tiles;

/// Below this shorter side, blur is not judged.
const SMALLEST: usize = 256;
/// Measures planes, one after the other; its buffers are kept, and nothing of a picture.
#[derive(Debug)]
pub(crate) struct Meter {
    cpu: Cpu,
    tiles: Tiles,
    blur: Blur,
    glare: Glare,
    half: Plane,
    /// Samples by value, counted in four tables by turns, so that none waits for the one before.
    counts: Box<[[u32; 256]; 4]>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self::on(Cpu::detect())
    }

    fn on(cpu: Cpu) -> Self {
        Self {
            cpu,
            tiles: Tiles::default(),
            blur: Blur::default(),
            glare: Glare::default(),
            half: Plane::default(),
            counts: Box::new([[0; 256]; 4]),
        }
    }

    /// The numbers of a plane of luma, full range.
    pub(crate) fn measure(&mut self, luma: &Plane) -> Quality {
        let cpu = self.cpu;
        let judges_blur = luma.width.min(luma.height) >= SMALLEST;
        let Self { tiles, half, counts, .. } = self;
        counts.iter_mut().for_each(|table| table.fill(0));
        if judges_blur {
            let (width, height) = (luma.width / 2, luma.height / 2);
            half.data.resize(width * height, 0);
            (half.width, half.height, half.stride) = (width, height, width);
        }
        // One walk over the plane, since memory is what it takes.
        tiles.look(cpu, luma, |rows| {
            count(counts, luma, rows.clone());
            if judges_blur {
                halve(cpu, luma, half, rows);
            }
        });
        let exposure = exposure(counts);
        let contrast = tiles.contrast();
        let noise = tiles.noise();
        let white = tiles.white(luma);
        let clipped = white as f64 / (luma.width * luma.height) as f64;
        let glare = self.glare.share(tiles, luma);
        let (mut fine, mut coarse) = (None, None);
        if judges_blur {
            fine = self.blur.fine(cpu, tiles, luma, noise);
            tiles.look(cpu, half, |_| {});
            let noise = tiles.noise();
            coarse = self.blur.coarse(cpu, tiles, half, noise);
        }
        Quality::new([fine, coarse], exposure, contrast, noise, [clipped, glare])
    }

    /// Bytes of memory that are kept beyond what any picture needs.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        if self.half.data.capacity() > bytes {
            *self = Self::on(self.cpu);
        }
    }
}

/// Counts every second sample of every second row among these, the first of which is even.
fn count(counts: &mut [[u32; 256]; 4], luma: &Plane, rows: Range<usize>) {
    let [a, b, c, d] = counts;
    for y in rows.step_by(2) {
        let (eights, rest) = luma.row(y).as_chunks::<8>();
        for eight in eights {
            a[usize::from(eight[0])] += 1;
            b[usize::from(eight[2])] += 1;
            c[usize::from(eight[4])] += 1;
            d[usize::from(eight[6])] += 1;
        }
        rest.iter().step_by(2).for_each(|v| a[usize::from(*v)] += 1);
    }
}

/// The 1st, 50th and 99th percentile of what was counted.
fn exposure(counts: &mut [[u32; 256]; 4]) -> [f64; 3] {
    let [a, b, c, d] = counts;
    for (i, sum) in a.iter_mut().enumerate() {
        *sum += b[i] + c[i] + d[i];
    }
    [0.01, 0.5, 0.99].map(|share| tiles::percentile_of_counts(a, share))
}

/// Means of 2 × 2 samples of these rows, the first of which is even; an odd last row or column is left out.
fn halve(cpu: Cpu, luma: &Plane, half: &mut Plane, rows: Range<usize>) {
    let width = half.width;
    for (y, out) in half.data.chunks_exact_mut(width).enumerate().take(rows.end / 2).skip(rows.start / 2) {
        cpu.halve(&luma.row(y * 2)[..width * 2], &luma.row(y * 2 + 1)[..width * 2], out);
    }
}

/// Bytes that measuring a picture of so many pixels holds beside its plane.
pub(crate) const fn memory(pixels: u64) -> u64 {
    // The plane at half size; a tile's numbers, and differences of those that tell.
    pixels / 4 + pixels / looks::AREA as u64 * 96 + (8 << 10)
}
