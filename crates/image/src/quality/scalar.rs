//! Plain code for any CPU, and the oracle of the vectors.

use super::looks::{DIRECTIONS, Energies, SIDE, Tile, WHITE};

/// The numbers of the tile that begins with `samples`.
pub(super) fn tile(samples: &[u8], stride: usize) -> Tile {
    let row = |y: usize| -> &[u8; SIDE] { samples[y * stride..].first_chunk().expect("a tile is whole") };
    let mut tile = Tile { least: 255, ..Tile::default() };
    for y in 0..SIDE {
        for &sample in row(y) {
            tile.least = tile.least.min(sample);
            tile.most = tile.most.max(sample);
            tile.sum += u32::from(sample);
            tile.white += u32::from(sample >= WHITE);
        }
    }
    for y in 1..SIDE - 1 {
        let (above, here, below) = (row(y - 1), row(y), row(y + 1));
        let down: [i16; SIDE] =
            std::array::from_fn(|x| i16::from(above[x]) - 2 * i16::from(here[x]) + i16::from(below[x]));
        let across = down.windows(3).map(|w| u32::from((w[0] - 2 * w[1] + w[2]).unsigned_abs()));
        tile.noise += across.sum::<u32>();
    }
    tile
}

/// Squared differences to the neighbours of the tile that begins at `start`.
pub(super) fn energies(samples: &[u8], start: usize, stride: usize) -> Energies {
    let row = |at: usize| -> &[u8; SIDE] { samples[at..].first_chunk().expect("neighbours are inside") };
    DIRECTIONS.map(|(across, down)| {
        [1, 3].map(|times| {
            let offset = (down * stride as isize + across) * times;
            let mut sum = 0;
            for y in 0..SIDE {
                let at = start + y * stride;
                let (here, there) = (row(at), row(at.wrapping_add_signed(offset)));
                for (a, b) in here.iter().zip(there) {
                    let off = u32::from(a.abs_diff(*b));
                    sum += off * off;
                }
            }
            sum
        })
    })
}

/// Means of 2 × 2 samples, from column `first` of the output on.
pub(super) fn halve(upper: &[u8], lower: &[u8], out: &mut [u8], first: usize) {
    let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
    for (out, (upper, lower)) in out.iter_mut().zip(pairs).skip(first) {
        let sum = u16::from(upper[0]) + u16::from(upper[1]) + u16::from(lower[0]) + u16::from(lower[1]);
        *out = ((sum + 2) >> 2) as u8;
    }
}
