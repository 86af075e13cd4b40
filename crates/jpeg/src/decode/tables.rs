//! Quantizers and Huffman codes as the file defines them, checked when they are read.

use super::NATURAL;
use crate::error::Error;
use crate::standard::{CHROMA_AC, CHROMA_DC, LUMA_AC, LUMA_DC};

/// Steps of a quantizer, row by row, at most 255.
pub(crate) type Steps = [i16; 64];

/// Tables by their number, and the restart interval.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) quantizers: [Option<Steps>; 4],
    /// DC and AC.
    codes: [[Option<Code>; 4]; 2],
    /// Units from one restart marker to the next; zero where there are none.
    pub(crate) restart: usize,
}

/// A Huffman code: no longer than sixteen bits, none of all ones, as many symbols as counted.
#[derive(Debug)]
pub(crate) struct Code {
    /// How many codes of each length, from one bit on.
    pub(crate) counts: [u8; 16],
    /// Their symbols, by code.
    pub(crate) symbols: Vec<u8>,
}

/// What a code's symbols are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Sizes of differences.
    Dc = 0,
    /// Runs of zeros with sizes.
    Ac = 1,
}

impl Tables {
    pub(crate) fn read_quantizers(&mut self, mut body: &[u8]) -> Result<(), Error> {
        while let [number, rest @ ..] = body {
            if number >> 4 != 0 {
                return Err(Error::Unsupported("a quantizer of sixteen bits"));
            }
            let slot = self.quantizers.get_mut(usize::from(*number));
            let slot = slot.ok_or(Error::Corrupt("a quantizer's number above three"))?;
            let (values, rest) =
                rest.split_first_chunk::<64>().ok_or(Error::Corrupt("a quantizer that is too short"))?;
            let mut steps = [0; 64];
            for (value, place) in values.iter().zip(NATURAL) {
                steps[usize::from(place)] = i16::from(*value);
            }
            *slot = Some(steps);
            body = rest;
        }
        Ok(())
    }

    pub(crate) fn read_codes(&mut self, mut body: &[u8]) -> Result<(), Error> {
        const SHORT: Error = Error::Corrupt("a Huffman table that is too short");
        while let [number, rest @ ..] = body {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(SHORT)?;
            let symbols = counts.iter().map(|n| usize::from(*n)).sum();
            let (symbols, rest) = rest.split_at_checked(symbols).ok_or(SHORT)?;
            let class = usize::from(number >> 4);
            let slot = self.codes.get_mut(class).and_then(|c| c.get_mut(usize::from(number & 15)));
            let slot = slot.ok_or(Error::Corrupt("a Huffman table's number above three"))?;
            let code = Code { counts: *counts, symbols: symbols.to_vec() };
            if !code.is_prefix_code() || class == Class::Dc as usize && symbols.iter().any(|s| *s > 15) {
                return Err(Error::Corrupt("a Huffman table that is no code"));
            }
            *slot = Some(code);
            body = rest;
        }
        Ok(())
    }

    /// Gives a sequential scan the standard's codes where the file has none of that number: webcams' frames mean them,
    /// and libjpeg-turbo takes them.
    pub(crate) fn supply_standard(&mut self) {
        for (codes, both) in self.codes.iter_mut().zip([[LUMA_DC, CHROMA_DC], [LUMA_AC, CHROMA_AC]]) {
            for (slot, (counts, symbols)) in codes.iter_mut().zip(both) {
                slot.get_or_insert_with(|| Code { counts, symbols: symbols.to_vec() });
            }
        }
    }

    pub(crate) fn read_restart(&mut self, body: &[u8]) -> Result<(), Error> {
        let [high, low] = body else { return Err(Error::Corrupt("a restart interval of the wrong length")) };
        self.restart = usize::from(*high) << 8 | usize::from(*low);
        Ok(())
    }

    /// Whether blocks that are coded by zeros alone have nothing but their brightness, which is that of the block before.
    /// A stretch of zeros that means anything else is no picture's.
    pub(crate) fn zeros_are_flat(&self, dc: usize, ac: usize) -> Result<bool, Error> {
        Ok(self.code(Class::Dc, dc)?.of_zeros() == Some(0) && self.code(Class::Ac, ac)?.of_zeros().is_some_and(ends))
    }

    pub(crate) fn code(&self, class: Class, number: usize) -> Result<&Code, Error> {
        let code = self.codes[class as usize].get(number).and_then(Option::as_ref);
        code.ok_or(Error::Unsupported("a Huffman table that the file lacks"))
    }
}

/// Whether an AC symbol ends its block: of those without a value only the run of sixteen does not.
pub(crate) const fn ends(symbol: u8) -> bool {
    symbol & 15 == 0 && symbol != 0xF0
}

impl Code {
    /// The symbol whose code is all zeros: the first of all.
    pub(crate) fn of_zeros(&self) -> Option<u8> {
        self.symbols.first().copied()
    }

    /// Whether no code is all ones nor longer than its length.
    fn is_prefix_code(&self) -> bool {
        let mut code = 0_u32;
        for (length, count) in (1..=16).zip(&self.counts) {
            code += u32::from(*count);
            // The next code of this length, were there one: it may be all ones, since no code is.
            if code >= 1 << length {
                return false;
            }
            code <<= 1;
        }
        self.symbols.len() <= 256
    }
}
