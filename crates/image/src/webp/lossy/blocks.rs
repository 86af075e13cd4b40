//! Modes and coefficients of macroblocks: what must be read to know what is read next, and nothing more.

use super::bools::Bools;
use super::header::{Chances, Header};
use super::tables::SUBBLOCK_MODES;

/// Planes that coefficients are of, in the order of their chances (RFC 6386 § 13.3).
const LUMA_BUT_FIRST: usize = 0;
const SECOND_ORDER: usize = 1;
const CHROMA: usize = 2;
const LUMA: usize = 3;

/// Modes of subblocks by the RFC's numbers, as far as they have a name here.
const DC: u8 = 0;
const TRUE_MOTION: u8 = 1;
const VERTICAL: u8 = 2;
const HORIZONTAL: u8 = 3;

/// The lower edge of a macroblock, for the one below.
#[derive(Clone, Default)]
pub(super) struct Column(Edge);

/// The right edge of a macroblock, for the one beside it.
#[derive(Default)]
pub(super) struct Row(Edge);

#[derive(Clone, Default)]
struct Edge {
    modes: [u8; 4],
    /// Whether blocks have coefficients: four of luma, two of either chroma, and the second order.
    luma: [bool; 4],
    chroma: [[bool; 2]; 2],
    second: bool,
}

impl Row {
    #[inline(always)]
    pub(super) fn macroblock(
        &mut self,
        header: &Header,
        modes: &mut Bools<'_>,
        tokens: &mut Bools<'_>,
        column: &mut Column,
    ) {
        let (left, above) = (&mut self.0, &mut column.0);
        if let Some([both, low, high]) = header.segments {
            let half = modes.bit(both);
            modes.bit(if half { high } else { low });
        }
        let skipped = header.skips.is_some_and(|chance| modes.bit(chance));
        // § 11.2: one mode for all of luma, or one for each subblock.
        let whole = modes.bit(145);
        if whole {
            let mode = match modes.bit(156) {
                true if modes.bit(128) => TRUE_MOTION,
                true => HORIZONTAL,
                false if modes.bit(163) => VERTICAL,
                false => DC,
            };
            (left.modes, above.modes) = ([mode; 4], [mode; 4]);
        } else {
            for left in &mut left.modes {
                for above in &mut above.modes {
                    *left = subblock_mode(modes, &SUBBLOCK_MODES[usize::from(*above)][usize::from(*left)]);
                    *above = *left;
                }
            }
        }
        // § 11.4, the mode of chroma.
        let _ = modes.bit(142) && modes.bit(114) && modes.bit(183);
        if skipped {
            // The second order stays as it was where there is none.
            for edge in [left, above] {
                (edge.luma, edge.chroma) = Default::default();
                edge.second &= !whole;
            }
            return;
        }
        coefficients(header, tokens, whole, left, above);
    }
}

/// § 11.5.
#[inline(always)]
fn subblock_mode(modes: &mut Bools<'_>, chances: &[u8; 9]) -> u8 {
    /// Branches of the tree: below zero, one less than minus the mode.
    const TREE: [[i8; 2]; 9] = [[-1, 1], [-2, 2], [-3, 3], [4, 6], [-4, 5], [-6, -7], [-5, 7], [-8, 8], [-9, -10]];
    let mut node = 0_usize;
    loop {
        let next = TREE[node][usize::from(modes.bit(chances[node]))];
        match usize::try_from(next) {
            Ok(next) => node = next,
            Err(_) => return !next as u8,
        }
    }
}

#[inline(always)]
fn coefficients(header: &Header, tokens: &mut Bools<'_>, whole: bool, left: &mut Edge, above: &mut Edge) {
    let (luma, first) = if whole {
        let beside = usize::from(left.second) + usize::from(above.second);
        let has = block(tokens, &header.chances[SECOND_ORDER], beside, 0);
        (left.second, above.second) = (has, has);
        (LUMA_BUT_FIRST, 1)
    } else {
        (LUMA, 0)
    };
    edge(tokens, &header.chances[luma], first, &mut left.luma, &mut above.luma);
    for (left, above) in left.chroma.iter_mut().zip(&mut above.chroma) {
        edge(tokens, &header.chances[CHROMA], 0, left, above);
    }
}

/// A square of blocks.
#[inline(always)]
fn edge<const N: usize>(
    tokens: &mut Bools<'_>,
    chances: &Chances,
    first: usize,
    left: &mut [bool; N],
    above: &mut [bool; N],
) {
    for left in left {
        for above in above.iter_mut() {
            *left = block(tokens, chances, usize::from(*left) + usize::from(*above), first);
            *above = *left;
        }
    }
}

/// Coefficients of one block (§ 13.2); gives whether there are any.
#[inline(always)]
fn block(tokens: &mut Bools<'_>, chances: &Chances, beside: usize, first: usize) -> bool {
    let mut at = first;
    let mut chance = &chances[at][beside];
    while at < 16 {
        if !tokens.bit(chance[0]) {
            return at > first;
        }
        while !tokens.bit(chance[1]) {
            at += 1;
            if at == 16 {
                return true;
            }
            chance = &chances[at][0];
        }
        at += 1;
        if tokens.bit(chance[2]) {
            large(tokens, chance);
            chance = &chances[at][2];
        } else {
            chance = &chances[at][1];
        }
        // Its sign.
        tokens.pass(128);
    }
    true
}

/// A coefficient of two and more.
#[inline(always)]
fn large(tokens: &mut Bools<'_>, chance: &[u8; 11]) {
    /// Chances of the bits beyond the base of the larger categories.
    const EXTRA: [&[u8]; 4] = [
        &[173, 148, 140],
        &[176, 155, 140, 135],
        &[180, 157, 141, 134, 130],
        &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129],
    ];
    if !tokens.bit(chance[3]) {
        let _ = tokens.bit(chance[4]) && tokens.bit(chance[5]);
    } else if !tokens.bit(chance[6]) {
        if tokens.bit(chance[7]) {
            tokens.pass(165);
            tokens.pass(145);
        } else {
            tokens.pass(159);
        }
    } else {
        let high = tokens.bit(chance[8]);
        let low = tokens.bit(chance[if high { 10 } else { 9 }]);
        for extra in EXTRA[usize::from(high) * 2 + usize::from(low)] {
            tokens.pass(*extra);
        }
    }
}
