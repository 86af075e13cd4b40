//! SHA-256 in pieces: through the fused base64 pass where the CPU has one, through `sha2` elsewhere.

use sealpress_base64::{Fused, Kernel};
use sha2::block_api::compress256;

/// FIPS 180-4, 5.3.3.
const START: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

const BLOCK: usize = 64;

/// Raw bytes per piece where hash and encoder take turns: a multiple of 3, so that pieces encode
/// without padding between them, and small enough that piece and text stay in the first-level
/// cache until they are hashed.
const PIECE: usize = 3072;

/// SHA-256 that can take a text of base64 while it is made. On CPUs with the fused pass the text
/// costs nothing and is never stored; on others it is made in pieces and hashed by `sha2`.
#[derive(Clone)]
pub(super) struct Hash {
    state: [u32; 8],
    /// The block that has begun; `filled` is less than a block.
    block: [u8; BLOCK],
    filled: usize,
    bytes: u64,
    fused: Option<Fused>,
}

impl Hash {
    pub(super) fn new() -> Self {
        Self { state: START, block: [0; BLOCK], filled: 0, bytes: 0, fused: Fused::new() }
    }

    #[cfg(test)]
    pub(super) fn without_fused_pass(mut self) -> Self {
        self.fused = None;
        self
    }

    pub(super) fn update(&mut self, mut piece: &[u8]) {
        self.bytes += piece.len() as u64;
        if self.filled > 0 {
            let (head, rest) = piece.split_at(piece.len().min(BLOCK - self.filled));
            self.block[self.filled..self.filled + head.len()].copy_from_slice(head);
            self.filled += head.len();
            piece = rest;
            if self.filled < BLOCK {
                return;
            }
            self.compress(&[self.block]);
        }
        let (blocks, rest) = piece.as_chunks();
        self.compress(blocks);
        self.block[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    /// Takes the base64 of `raw`, and writes it to `out` where there is one, which has the length
    /// of the text.
    pub(super) fn update_base64(&mut self, raw: &[u8], out: Option<&mut [u8]>) {
        match self.fused {
            Some(fused) => self.in_one_pass(fused, raw, out),
            None => self.in_pieces(raw, out),
        }
    }

    /// The first characters complete the block that has begun, the fused pass takes all whole
    /// blocks, and the last characters begin another.
    fn in_one_pass(&mut self, fused: Fused, raw: &[u8], mut out: Option<&mut [u8]>) {
        // Less than a block, rounded up to a group on either side.
        let mut scratch = [0; BLOCK + 8];
        let missing = (BLOCK - self.filled) % BLOCK;
        let head = &raw[..raw.len().min(missing.div_ceil(4) * 3)];
        let text = encode(head, &mut scratch);
        let text = &text[..text.len().min(missing)];
        self.update(text);
        if let Some(out) = &mut out {
            out[..text.len()].copy_from_slice(text);
        }
        let mut at = text.len();
        if at < missing {
            return;
        }
        let taken = match &mut out {
            Some(out) => fused.hash_and_store(&mut self.state, raw, at, &mut out[at..]),
            None => fused.hash(&mut self.state, raw, at),
        };
        self.bytes += taken as u64;
        at += taken;
        // A text that ends inside its first block has its last group in `head` already.
        let rest = raw.get(at / 4 * 3..).unwrap_or_default();
        let text = encode(rest, &mut scratch);
        let text = text.get(at % 4..).unwrap_or_default();
        self.update(text);
        if let Some(out) = &mut out {
            out[at..].copy_from_slice(text);
        }
    }

    fn in_pieces(&mut self, raw: &[u8], out: Option<&mut [u8]>) {
        let pieces = raw.chunks(PIECE);
        match out {
            Some(out) => pieces.zip(out.chunks_mut(PIECE / 3 * 4)).for_each(|(piece, out)| {
                self.update(encode(piece, out));
            }),
            None => {
                let mut scratch = [0; PIECE / 3 * 4];
                pieces.for_each(|piece| self.update(encode(piece, &mut scratch)));
            }
        }
    }

    /// Ends the message: a one bit, zeros, and its length in bits.
    pub(super) fn finish(mut self) -> [u8; 32] {
        let bits = self.bytes.wrapping_mul(8).to_be_bytes();
        self.block[self.filled..].fill(0);
        self.block[self.filled] = 0x80;
        if self.filled >= BLOCK - bits.len() {
            self.compress(&[self.block]);
            self.block.fill(0);
        }
        self.block[BLOCK - bits.len()..].copy_from_slice(&bits);
        self.compress(&[self.block]);
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }

    fn compress(&mut self, blocks: &[[u8; BLOCK]]) {
        match self.fused {
            Some(fused) => fused.compress(&mut self.state, blocks),
            None => compress256(&mut self.state, blocks),
        }
    }
}

/// Encodes into the front of `out`, which has room for the text of `raw`.
fn encode<'a>(raw: &[u8], out: &'a mut [u8]) -> &'a [u8] {
    Kernel::best().encode_to_slice(raw, out).unwrap_or_else(|| unreachable!("pieces fit their scratch"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    fn both() -> [Hash; 2] {
        [Hash::new(), Hash::new().without_fused_pass()]
    }

    #[test]
    fn lengths_around_the_padding_and_the_block() {
        let noise: Vec<u8> = (0..400_u32).map(|i| ((i * i) >> 3) as u8).collect();
        for len in 0..noise.len() {
            for mut hash in both() {
                hash.update(&noise[..len]);
                assert_eq!(hash.finish()[..], Sha256::digest(&noise[..len])[..], "{len}");
            }
        }
    }

    /// Every phase of the prefix with every length of the file around the first blocks, and around
    /// the pieces of the other way.
    #[test]
    fn every_phase_with_every_length() {
        let raw: Vec<u8> = (0..2 * PIECE as u32 + 9).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for len in (0..300).chain(PIECE - 3..PIECE + 4).chain(2 * PIECE - 2..2 * PIECE + 9) {
            let text = base64_simd::STANDARD.encode_to_string(&raw[..len]);
            for phase in 0..66 {
                let whole = [&[b'{'; 66][..phase], text.as_bytes(), b"\"}"].concat();
                let expected = Sha256::digest(&whole);
                for (hash, store) in both().into_iter().flat_map(|hash| [(hash.clone(), false), (hash, true)]) {
                    let (mut hash, mut out) = (hash, vec![0; text.len()]);
                    hash.update(&whole[..phase]);
                    hash.update_base64(&raw[..len], store.then_some(&mut out));
                    hash.update(b"\"}");
                    assert_eq!(hash.finish()[..], expected[..], "{len} bytes behind {phase}, stored: {store}");
                    assert!(!store || out == text.as_bytes(), "{len} bytes behind {phase}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_hash_as_the_whole(pieces: Vec<Vec<u8>>) {
            for mut hash in both() {
                pieces.iter().for_each(|piece| hash.update(piece));
                prop_assert_eq!(&hash.finish()[..], &Sha256::digest(pieces.concat())[..]);
            }
        }
    }
}
