//! The one scan of a sequential file: two units at a time from bits to samples.

use super::NATURAL;
use super::bits::{Bits, Reader};
use super::frame::{Component, Frame, Scan, Tables};
use super::huffman::{Kind, Table};
use super::idct::{Pair, Steps};
use super::output::{emit, emit_flat};
use crate::cpu::{Cpu, Work};
use crate::plane::Scale;

/// What a scan is decoded from and to.
pub(super) struct Sequential<'s, 'd> {
    pub(super) reader: &'s mut Reader<'d>,
    pub(super) frame: &'s mut Frame,
    pub(super) scan: &'s Scan,
    pub(super) tables: &'s Tables,
    pub(super) scale: Scale,
}

impl Sequential<'_, '_> {
    /// The position of the marker behind the scan.
    pub(super) fn run(self, cpu: Cpu) -> Option<usize> {
        // Loops of known length are laid out flat by the compiler.
        match (self.frame.components.len(), self.frame.components.first()?.factors) {
            (1, _) => cpu.run(Sampled::<1, 1, 1>(self, cpu)),
            (_, [1, 1]) => cpu.run(Sampled::<1, 1, 3>(self, cpu)),
            (_, [2, 1]) => cpu.run(Sampled::<2, 1, 3>(self, cpu)),
            (_, [1, 2]) => cpu.run(Sampled::<1, 2, 3>(self, cpu)),
            (_, [2, 2]) => cpu.run(Sampled::<2, 2, 3>(self, cpu)),
            _ => None,
        }
    }
}

/// A scan of `N` components whose first has `H × V` blocks per unit, the others one.
struct Sampled<'s, 'd, const H: usize, const V: usize, const N: usize>(Sequential<'s, 'd>, Cpu);

impl<const H: usize, const V: usize, const N: usize> Work for Sampled<'_, '_, H, V, N> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run(self) -> Option<usize> {
        let Self(Sequential { reader, frame, scan, tables, scale }, cpu) = self;
        let units = frame.units;
        let mut parts = Vec::with_capacity(N);
        for ((_, dc, ac), component) in scan.parts.iter().zip(&mut frame.components) {
            let (dc, ac) = (tables.table(Kind::Dc, *dc)?, tables.table(Kind::Ac, *ac)?);
            let steps = component.steps?;
            parts.push(Part { dc, ac, previous: 0, steps, component, pairs: [[0; 128]; 4], more: [false; 8] });
        }
        let parts: &mut [Part<'_>; N] = parts.as_mut_slice().try_into().ok()?;
        let mut bits = Bits::default();
        let (mut left, mut restarts) = (tables.restart, 0_u8);
        for unit_y in 0..units[1] {
            for unit_x in (0..units[0]).step_by(2) {
                for unit in 0..2.min(units[0] - unit_x) {
                    if tables.restart > 0 {
                        if left == 0 {
                            bits = reader.restart(bits, restarts)?;
                            (left, restarts) = (tables.restart, restarts.wrapping_add(1));
                            parts.iter_mut().for_each(|p| p.previous = 0);
                        }
                        left -= 1;
                    }
                    reader.prepare(&mut bits);
                    let window = reader.window();
                    for (i, part) in parts.iter_mut().enumerate() {
                        let (across, down) = if i == 0 { (H, V) } else { (1, 1) };
                        for y in 0..down {
                            for x in 0..across {
                                part.read(&mut bits, window, (y * 2 + unit) * across + x)?;
                            }
                        }
                    }
                    if reader.overrun(&bits) {
                        return None;
                    }
                }
                for (i, part) in parts.iter_mut().enumerate() {
                    let (across, down) = if i == 0 { (H, V) } else { (1, 1) };
                    for y in 0..down {
                        for x in 0..across {
                            let place = [unit_x * across + 2 * x, unit_y * down + y];
                            part.emit(cpu, scale, y * across + x, place);
                        }
                    }
                }
            }
        }
        reader.finish(&mut bits)
    }
}

/// One component's state, and its blocks of two units.
struct Part<'c> {
    dc: Table,
    ac: Table,
    /// The first coefficient of the block before.
    previous: i32,
    steps: Steps,
    component: &'c mut Component,
    /// Zero but for first coefficients and what `more` says.
    pairs: [Pair; 4],
    /// Whether a block has more than its first coefficient.
    more: [bool; 8],
}

impl Part<'_> {
    #[inline(always)]
    fn read(&mut self, bits: &mut Bits, window: &[u8], slot: usize) -> Option<()> {
        let block = &mut self.pairs[slot / 2].as_chunks_mut::<64>().0[slot % 2];
        self.more[slot] = block_of(bits, window, &self.dc, &self.ac, &mut self.previous, block)?;
        Some(())
    }

    /// Transforms a pair into its place and clears it.
    #[inline(always)]
    fn emit(&mut self, cpu: Cpu, scale: Scale, pair: usize, [x, y]: [usize; 2]) {
        let plane = &mut self.component.plane;
        let more = &mut self.more[2 * pair..][..2];
        let pair = &mut self.pairs[pair];
        if more == [false; 2] {
            emit_flat(scale, [pair[0], pair[64]], self.steps[0], plane, x, y);
        } else {
            emit(cpu, scale, pair, &self.steps, plane, x, y);
            *pair = [0; 128];
            more.fill(false);
        }
    }
}

/// Reads one block into one that is zero but for its first coefficient. `false` where only that one
/// was written; `None` for damage.
#[inline(always)]
fn block_of(
    bits: &mut Bits,
    window: &[u8],
    dc: &Table,
    ac: &Table,
    previous: &mut i32,
    block: &mut [i16; 64],
) -> Option<bool> {
    bits.refill(window);
    *previous = previous.wrapping_add(dc.read(Kind::Dc, bits)?.value);
    block[0] = *previous as i16;
    let mut k = 1;
    while k < 64 {
        bits.refill(window);
        let symbol = ac.read(Kind::Ac, bits)?;
        k += symbol.run;
        if k >= 64 {
            if !symbol.is_end() {
                return None;
            }
            break;
        }
        block[usize::from(NATURAL[k])] = symbol.value as i16;
        k += 1;
    }
    // The end came as the very first symbol.
    Some(k != 65)
}
