//! Rows of samples that are less or more than a byte.

use hayro_ccitt::Decoder;

/// Copies so many bits to this place of a row of bits; `flip` turns them over.
pub(super) fn bits_into(to: &mut [u8], left: usize, from: &[u8], width: usize, flip: u8) {
    if left.is_multiple_of(8) {
        let count = width.div_ceil(8);
        for (to, from) in to[left / 8..][..count].iter_mut().zip(from) {
            *to = from ^ flip;
        }
        // What stands behind the last pixel belongs to nobody.
        if !width.is_multiple_of(8) {
            to[left / 8 + count - 1] &= 0xFF << (8 - width % 8);
        }
    } else {
        for x in 0..width {
            let bit = (from[x / 8] ^ flip) >> (7 - x % 8) & 1;
            to[(left + x) / 8] |= bit << (7 - (left + x) % 8);
        }
    }
}

/// Each sample is the difference to the one of the pixel left of it.
pub(super) fn undo_differences(row: &mut [u8], samples: usize, bits: usize, big_endian: bool) {
    if bits == 8 {
        for i in samples..row.len() {
            row[i] = row[i].wrapping_add(row[i - samples]);
        }
        return;
    }
    let read = |row: &[u8], i: usize| {
        let bytes = [row[2 * i], row[2 * i + 1]];
        if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    };
    for i in samples..row.len() / 2 {
        let value = read(row, i).wrapping_add(read(row, i - samples));
        let bytes = if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        row[2 * i..2 * i + 2].copy_from_slice(&bytes);
    }
}

/// Rows of a fax as bits: white is 0, as in the file.
pub(super) struct Lines {
    pub(super) data: Vec<u8>,
    pub(super) row: usize,
    pub(super) left: usize,
}

impl Decoder for Lines {
    fn push_row(&mut self, changes: &[u32]) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let start = self.data.len();
        self.data.resize(start + self.row, 0);
        let row = &mut self.data[start..];
        let bits = row.len() * 8;
        for black in changes.chunks(2) {
            let from = (black[0] as usize).min(bits);
            let to = black.get(1).map_or(bits, |to| *to as usize).min(bits);
            fill(row, from, to);
        }
    }
}

/// Sets these bits.
fn fill(row: &mut [u8], from: usize, to: usize) {
    if from >= to {
        return;
    }
    let (first, last) = (from / 8, (to - 1) / 8);
    let (head, tail) = (0xFFu8 >> (from % 8), 0xFFu8 << (7 - (to - 1) % 8));
    if first == last {
        row[first] |= head & tail;
    } else {
        row[first] |= head;
        row[first + 1..last].fill(0xFF);
        row[last] |= tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_filled_from_here_to_there() {
        for (from, to) in [(0, 0), (0, 1), (3, 5), (7, 9), (0, 24), (5, 23), (8, 16)] {
            let mut row = [0u8; 3];
            fill(&mut row, from, to);
            let set: Vec<usize> = (0..24).filter(|bit| row[bit / 8] >> (7 - bit % 8) & 1 == 1).collect();
            assert_eq!(set, (from..to).collect::<Vec<_>>());
        }
    }

    #[test]
    fn differences_of_wide_samples_are_undone_in_either_order() {
        let mut little = [1, 0, 2, 0, 255, 0, 255, 255];
        undo_differences(&mut little, 1, 16, false);
        assert_eq!(little, [1, 0, 3, 0, 2, 1, 1, 1]);
        let mut big = [0, 1, 0, 2, 0, 255];
        undo_differences(&mut big, 1, 16, true);
        assert_eq!(big, [0, 1, 0, 3, 1, 2]);
    }
}
