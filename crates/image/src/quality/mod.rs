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
//! | `scalar`, `avx2` | a tile's numbers, differences in eight directions, half the size |
//! | `tiles` | a plane's tiles, and percentiles of them |
//! | `blur` | the tiles that tell, and what they tell |
//! | `glare` | blobs of white tiles |

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector loads, stores and the dispatch to AVX2")]
mod avx2;
mod blur;
mod glare;
mod kernels;
mod looks;
mod scalar;
#[cfg(test)]
mod tests;
mod tiles;

use sealpress_media::Quality;

use crate::planes::Plane;
use blur::Blur;
use glare::Glare;
use kernels::Kernel;
use tiles::Tiles;

/// Below this shorter side, blur is not judged.
const SMALLEST: usize = 256;
/// Measures planes, one after the other; its buffers are kept, and nothing of a picture.
#[derive(Debug)]
pub(crate) struct Meter {
    kernel: Kernel,
    tiles: Tiles,
    blur: Blur,
    glare: Glare,
    half: Plane,
    /// Samples by value, counted in four tables by turns, so that none waits for the one before.
    counts: Box<[[u32; 256]; 4]>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self::on(Kernel::detect())
    }

    fn on(kernel: Kernel) -> Self {
        Self {
            kernel,
            tiles: Tiles::default(),
            blur: Blur::default(),
            glare: Glare::default(),
            half: Plane::default(),
            counts: Box::new([[0; 256]; 4]),
        }
    }

    /// The numbers of a plane of luma, full range.
    pub(crate) fn measure(&mut self, luma: &Plane) -> Quality {
        let kernel = self.kernel;
        self.tiles.look(kernel, luma);
        let exposure = self.exposure(luma);
        let contrast = self.tiles.contrast();
        let noise = self.tiles.noise();
        let white = self.tiles.white(luma);
        let clipped = white as f64 / (luma.width * luma.height) as f64;
        let glare = self.glare.share(&self.tiles, luma);
        let (mut fine, mut coarse) = (None, None);
        if luma.width.min(luma.height) >= SMALLEST {
            fine = self.blur.fine(kernel, &self.tiles, luma, noise);
            halve(kernel, luma, &mut self.half);
            self.tiles.look(kernel, &self.half);
            let noise = self.tiles.noise();
            coarse = self.blur.coarse(kernel, &self.tiles, &self.half, noise);
        }
        Quality::new([fine, coarse], exposure, contrast, noise, [clipped, glare])
    }

    /// Bytes of memory that are kept beyond what any picture needs.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        if self.half.data.capacity() > bytes {
            *self = Self::on(self.kernel);
        }
    }

    /// The 1st, 50th and 99th percentile of every second sample of every second row.
    fn exposure(&mut self, luma: &Plane) -> [f64; 3] {
        self.counts.iter_mut().for_each(|table| table.fill(0));
        let [a, b, c, d] = &mut *self.counts;
        for y in (0..luma.height).step_by(2) {
            let (eights, rest) = luma.row(y).as_chunks::<8>();
            for eight in eights {
                a[usize::from(eight[0])] += 1;
                b[usize::from(eight[2])] += 1;
                c[usize::from(eight[4])] += 1;
                d[usize::from(eight[6])] += 1;
            }
            rest.iter().step_by(2).for_each(|v| a[usize::from(*v)] += 1);
        }
        for (i, sum) in a.iter_mut().enumerate() {
            *sum += b[i] + c[i] + d[i];
        }
        [0.01, 0.5, 0.99].map(|share| tiles::percentile_of_counts(a, share))
    }
}

/// Means of 2 × 2 samples; an odd last row or column is left out.
fn halve(kernel: Kernel, luma: &Plane, half: &mut Plane) {
    let (width, height) = (luma.width / 2, luma.height / 2);
    half.data.resize(width * height, 0);
    (half.width, half.height, half.stride) = (width, height, width);
    for (y, out) in half.data.chunks_exact_mut(width).enumerate() {
        kernel.halve(&luma.row(y * 2)[..width * 2], &luma.row(y * 2 + 1)[..width * 2], out);
    }
}

/// Bytes that measuring a picture of so many pixels holds beside its plane.
pub(crate) const fn memory(pixels: u64) -> u64 {
    // The plane at half size; a tile's numbers, and differences of those that tell.
    pixels / 4 + pixels / looks::AREA as u64 * 96 + (8 << 10)
}
