//! Two rows of luma and one of chroma through a [`Shaper`](super::shaper::Shaper)'s tables. All
//! variants compute the same integers, so that the plain one judges the others to the bit.

use super::tables::{CB, CR, Chroma, Curve, DARK, LUMA, Tables, WHITE};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::cpu::Cpu;

/// Converts in place; each row of luma is twice as long as those of chroma.
pub(super) fn convert(cpu: Cpu, tables: &Tables, chroma: Chroma, luma: [&mut [u8]; 2], cb: &mut [u8], cr: &mut [u8]) {
    match cpu {
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx512(proof) => avx512::convert(proof, tables, chroma, luma, cb, cr),
        #[cfg(target_arch = "x86_64")]
        Cpu::Avx2(proof) => avx2::convert(proof, tables, chroma, luma, cb, cr),
        _ => plain(tables, chroma, luma, cb, cr),
    }
}

/// Product with fifteen fractional bits, rounded.
fn times(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b) + 0x4000) >> 15) as i16
}

/// The curve's value in piece `piece`, `part` of 32,768 behind its start.
fn value(curve: &Curve, piece: i16, part: i16) -> i16 {
    curve.start[piece as usize].saturating_add(times(part, curve.rise[piece as usize]))
}

fn plain(tables: &Tables, chroma: Chroma, luma: [&mut [u8]; 2], cb: &mut [u8], cr: &mut [u8]) {
    let [upper, lower] = luma.map(|row| row.as_chunks_mut::<2>().0);
    for (((upper, lower), cb), cr) in upper.iter_mut().zip(lower).zip(cb).zip(cr) {
        let wide = |sample: u8| (i16::from(sample) - 128) << 8;
        let (blue, red) = (wide(*cb), wide(*cr));
        let shift = [
            times(red, chroma.red_cr),
            times(blue, chroma.green_cb) + times(red, chroma.green_cr),
            times(blue, chroma.blue_cb),
        ];
        let quad = [[upper[0], upper[1]], [lower[0], lower[1]]];
        let quad = quad.map(|row| row.map(|y| pixel(tables, y, shift)));
        let brightness = |rgb: [i16; 3]| {
            let sum = times(rgb[0], LUMA[0]) + times(rgb[1], LUMA[1]) + times(rgb[2], LUMA[2]);
            ((sum as u16 + 64) >> 7).min(255) as u8
        };
        *upper = quad[0].map(brightness);
        *lower = quad[1].map(brightness);
        let colour = |weights: [i16; 3]| {
            let mut sum = 0;
            for (i, weight) in weights.into_iter().enumerate() {
                for (first, second) in quad[0].iter().zip(&quad[1]) {
                    let mean = (first[i] as u16 + second[i] as u16).div_ceil(2);
                    sum += i32::from(mean) * i32::from(weight);
                }
            }
            (((sum + (1 << 22)) >> 23) + 128).clamp(0, 255) as u8
        };
        (*cb, *cr) = (colour(CB), colour(CR));
    }
}

/// R'G'B' of sRGB for a luma sample and what its chroma adds.
fn pixel(tables: &Tables, y: u8, shift: [i16; 3]) -> [i16; 3] {
    let mut light = [0; 3];
    for ((light, curve), shift) in light.iter_mut().zip(&tables.to_light).zip(shift) {
        let level = (i16::from(y) << 7).saturating_add(shift).clamp(0, WHITE);
        *light = value(curve, level >> 9, (level & 511) << 6);
    }
    std::array::from_fn(|i| {
        let mix = tables.mix[i];
        let more = times(light[0], mix[0]) + times(light[1], mix[1]) + times(light[2], mix[2]);
        let light = light[i].saturating_add(more).max(0);
        if light < DARK {
            value(&tables.to_srgb[0], light >> 5, (light & 31) << 10)
        } else {
            value(&tables.to_srgb[1], light >> 9, (light & 511) << 6)
        }
    })
}
