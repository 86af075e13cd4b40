//! Tokens as bits of coded data.

use super::huffman::Codes;
use super::tokens::symbol;
use crate::cpu::{Cpu, Work};

/// Tokens whose bits are collected before zeros are stuffed behind bytes of ones; an even number.
const TOKENS: usize = 2048;

/// Most bits of a token: a code of sixteen and a value of eleven.
const LONGEST: usize = 27;

/// Bytes of so many tokens, of the bits left over before, and of the last store of eight.
const BYTES: usize = TOKENS * LONGEST / 8 + 16;

/// Appends all tokens' bits to `out`, with ones up to a whole byte.
pub(super) fn write<'a>(cpu: Cpu, tokens: impl Iterator<Item = &'a [u32]>, codes: &Codes, out: &mut Vec<u8>) {
    let mut rest = Rest::default();
    for tokens in tokens {
        cpu.run(Write { tokens, codes, rest: &mut rest, out });
    }
    if rest.count > 0 {
        let ones = 8 - rest.count;
        stuff(&[(rest.bits << ones) as u8 | ((1 << ones) - 1) as u8], out);
    }
}

struct Write<'a> {
    tokens: &'a [u32],
    codes: &'a Codes,
    rest: &'a mut Rest,
    out: &'a mut Vec<u8>,
}

/// Bits that are no whole byte yet: the lower `count` of `bits`, whatever stands above them.
#[derive(Clone, Copy, Default)]
struct Rest {
    bits: u64,
    count: u32,
}

impl Rest {
    #[inline(always)]
    fn push(&mut self, token: u32, codes: &Codes) {
        let entry = codes[symbol(token)];
        // See `Codes`: the code with room for the value below it, and how long both are.
        let length = entry as u32 & 63;
        self.bits = self.bits << length | entry >> 8 | u64::from(token & 0xFFFF);
        self.count += length;
    }

    /// Writes the bits to the front of `bytes` and keeps what is no whole byte; answers how many
    /// bytes are.
    #[inline(always)]
    fn flush(&mut self, bytes: &mut [u8; 8]) -> usize {
        *bytes = (self.bits << ((64 - self.count) % 64)).to_be_bytes();
        let whole = self.count / 8;
        self.count %= 8;
        whole as usize
    }
}

impl Work for Write<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut bytes = [0; BYTES];
        let mut rest = *self.rest;
        for tokens in self.tokens.chunks(TOKENS) {
            let mut at = 0;
            let (pairs, last) = tokens.as_chunks::<2>();
            // Two at once: seven bits left over and twice the longest are below 64.
            for [one, two] in pairs {
                rest.push(*one, self.codes);
                rest.push(*two, self.codes);
                at += rest.flush(bytes[at..].first_chunk_mut().expect("there are bytes for the longest tokens"));
            }
            for token in last {
                rest.push(*token, self.codes);
                at += rest.flush(bytes[at..].first_chunk_mut().expect("there are bytes for the longest tokens"));
            }
            stuff(&bytes[..at], self.out);
        }
        *self.rest = rest;
    }
}

/// Appends bytes with a zero behind each that is all ones.
#[inline(always)]
fn stuff(bytes: &[u8], out: &mut Vec<u8>) {
    const LOW: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    out.reserve(bytes.len() * 2);
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let value = u64::from_ne_bytes(*eight);
        // Not zero where a byte's complement is zero, the usual way to find a byte of zero.
        if (!value).wrapping_sub(LOW) & value & HIGH == 0 {
            out.extend_from_slice(eight);
        } else {
            one_by_one(eight, out);
        }
    }
    one_by_one(rest, out);
}

fn one_by_one(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        out.push(*byte);
        if *byte == 0xFF {
            out.push(0);
        }
    }
}
