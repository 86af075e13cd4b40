//! The oracle, and the last bytes of the kernels that have no masked stores.

use core::mem::MaybeUninit;

use super::ALPHABET;

pub(super) fn encode(src: &[u8], dst: &mut [MaybeUninit<u8>]) {
    let (groups, rest) = src.as_chunks::<3>();
    let (quads, _) = dst.as_chunks_mut::<4>();
    let mut quads = quads.iter_mut();
    for (&[a, b, c], quad) in groups.iter().zip(&mut quads) {
        write(quad, [letter(a >> 2), letter(a << 4 | b >> 4), letter(b << 2 | c >> 6), letter(c)]);
    }
    if let Some(quad) = quads.next() {
        match *rest {
            [a] => write(quad, [letter(a >> 2), letter(a << 4), b'=', b'=']),
            [a, b] => write(quad, [letter(a >> 2), letter(a << 4 | b >> 4), letter(b << 2), b'=']),
            _ => {}
        }
    }
}

/// The letter of the lower six bits.
const fn letter(bits: u8) -> u8 {
    ALPHABET[(bits & 63) as usize]
}

fn write(quad: &mut [MaybeUninit<u8>; 4], letters: [u8; 4]) {
    *quad = letters.map(MaybeUninit::new);
}
