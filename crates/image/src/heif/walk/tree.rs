//! Coding and transform trees (ITU-T H.265 § 7.3.8): what must be read to know what is read next, and nothing more.

use super::super::sps::{Sps, Tools};
use super::cabac::{Cabac, Contexts};
use super::contexts as context;
use super::headers::{Pps, Slice};
use super::residual::{Block, Scan};
use crate::cpu::Cpu;

/// Which neighbours of a block may be asked.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    pub(super) left: bool,
    pub(super) above: bool,
}

const PLANAR: u8 = 0;
const DC: u8 = 1;
const HORIZONTAL: u8 = 10;
const VERTICAL: u8 = 26;
/// Stands in where a named mode is the one of luma.
const DIAGONAL: u8 = 34;

/// What of a picture the next blocks depend on.
pub(super) struct Tree<'p> {
    cpu: Cpu,
    tools: &'p Tools,
    pps: &'p Pps,
    width: u32,
    height: u32,
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    chroma: u8,
    depths: (u8, u8),
    /// How deep coding blocks above and to the left lie, by the smallest block: of the picture's whole width, and of
    /// one block of the tree.
    depth_above: Vec<u8>,
    depth_left: [u8; 8],
    /// Modes of what is above and to the left, by four samples of one block of the tree.
    mode_above: [u8; 16],
    mode_left: [u8; 16],
}

/// What is read, and by what.
struct Reading<'r, 'd> {
    slice: &'r Slice,
    cabac: &'r mut Cabac<'d>,
    contexts: &'r mut Contexts,
    /// Whether the quantizer was said already.
    quantizer: bool,
}

impl Reading<'_, '_> {
    #[inline(always)]
    fn bin(&mut self, context: usize) -> bool {
        self.cabac.bin(self.contexts, context)
    }
}

/// A coding unit.
struct Unit {
    /// Quantization is passed over.
    bypass: bool,
    /// In four parts.
    parted: bool,
    luma: [u8; 4],
    chroma: [u8; 4],
}

/// A square of samples.
#[derive(Clone, Copy)]
struct Square {
    x: u32,
    y: u32,
    /// Logarithm of its side.
    size: u32,
    depth: u32,
}

impl Square {
    fn quarters(self) -> [Self; 4] {
        let half = 1 << (self.size - 1);
        [(0, 0), (half, 0), (0, half), (half, half)].map(|(dx, dy)| Self {
            x: self.x + dx,
            y: self.y + dy,
            size: self.size - 1,
            depth: self.depth + 1,
        })
    }
}

/// Whether chroma has coefficients, by component and, in 4:2:2, by the upper and the lower half.
type Coded = [[bool; 2]; 2];

impl<'p> Tree<'p> {
    pub(super) fn new(cpu: Cpu, sps: &Sps, tools: &'p Tools, pps: &'p Pps) -> Self {
        let width = sps.coded_width.div_ceil(1 << tools.block) << (tools.block - tools.min_block);
        Self {
            cpu,
            tools,
            pps,
            width: sps.coded_width,
            height: sps.coded_height,
            chroma: sps.chroma_format,
            depths: (sps.depth, sps.chroma_depth),
            depth_above: vec![0; width as usize],
            depth_left: [0; 8],
            mode_above: [DC; 16],
            mode_left: [DC; 16],
        }
    }

    /// Reads a block of the tree. `None` where it makes no sense.
    pub(super) fn block(
        &mut self,
        slice: &Slice,
        cabac: &mut Cabac<'_>,
        contexts: &mut Contexts,
        (x, y): (usize, usize),
        beside: Beside,
    ) -> Option<()> {
        let mut reading = Reading { slice, cabac, contexts, quantizer: true };
        // What may not be asked is as shallow as can be, and flat.
        if !beside.left {
            (self.depth_left, self.mode_left) = ([0; 8], [DC; 16]);
        }
        self.mode_above = [DC; 16];
        let across = 1_usize << (self.tools.block - self.tools.min_block);
        if !beside.above {
            self.depth_above[x * across..][..across].fill(0);
        }
        if slice.offsets_luma || slice.offsets_chroma {
            self.sample_offsets(&mut reading, beside);
        }
        let size = self.tools.block;
        self.coding_tree(&mut reading, Square { x: (x as u32) << size, y: (y as u32) << size, size, depth: 0 })
    }

    /// § 7.3.8.3.
    fn sample_offsets(&self, r: &mut Reading<'_, '_>, beside: Beside) {
        if beside.left && r.bin(context::SAO_MERGE) || beside.above && r.bin(context::SAO_MERGE) {
            return;
        }
        let mut kind = (false, false);
        for component in 0..if self.chroma == 0 { 1 } else { 3 } {
            if !(if component == 0 { r.slice.offsets_luma } else { r.slice.offsets_chroma }) {
                continue;
            }
            if component < 2 {
                let any = r.bin(context::SAO_TYPE);
                kind = (any, any && r.cabac.even());
            }
            let (any, of_edges) = kind;
            if !any {
                continue;
            }
            let depth = u32::from(if component == 0 { self.depths.0 } else { self.depths.1 });
            let most = (1 << (depth.min(10) - 5)) - 1;
            let mut signs = 0;
            for _ in 0..4 {
                let offset = (0..most).take_while(|_| r.cabac.even()).count();
                signs += u32::from(offset > 0);
            }
            match of_edges {
                false => drop(r.cabac.number(signs + 5)),
                true if component < 2 => drop(r.cabac.number(2)),
                true => {}
            }
        }
    }

    /// § 7.3.8.4. No deeper than from 64 samples to eight.
    fn coding_tree(&mut self, r: &mut Reading<'_, '_>, square: Square) -> Option<()> {
        let Square { x, y, size, depth } = square;
        let side = 1 << size;
        let inside = x + side <= self.width && y + side <= self.height;
        let (column, row) = self.place(x, y);
        let splits = if inside && size > self.tools.min_block {
            let deeper = |at: u8| usize::from(u32::from(at) > depth);
            r.bin(context::SPLIT + deeper(self.depth_left[row]) + deeper(self.depth_above[column]))
        } else {
            size > self.tools.min_block
        };
        if self.pps.quantizer_depth.is_some_and(|deepest| size.saturating_add(deepest) >= self.tools.block) {
            r.quantizer = false;
        }
        if splits {
            for quarter in square.quarters() {
                if quarter.x < self.width && quarter.y < self.height {
                    self.coding_tree(r, quarter)?;
                }
            }
            return Some(());
        }
        // The smallest block, too, may not reach beyond the picture.
        if !inside {
            return None;
        }
        let across = 1_usize << (size - self.tools.min_block);
        self.depth_above[column..][..across].fill(depth as u8);
        self.depth_left[row..][..across].fill(depth as u8);
        self.coding_unit(r, square)
    }

    /// Where a place's depth stands.
    fn place(&self, x: u32, y: u32) -> (usize, usize) {
        let rows = 1 << (self.tools.block - self.tools.min_block);
        ((x >> self.tools.min_block) as usize, ((y >> self.tools.min_block) % rows) as usize)
    }

    /// § 7.3.8.5, of intra slices.
    fn coding_unit(&mut self, r: &mut Reading<'_, '_>, square: Square) -> Option<()> {
        let size = square.size;
        let bypass = self.pps.bypasses && r.bin(context::BYPASS);
        let parted = size == self.tools.min_block && !r.bin(context::PART);
        let mut unit = Unit { bypass, parted, luma: [DC; 4], chroma: [DC; 4] };
        self.modes(r, square, &mut unit);
        self.transform_tree(r, &unit, Square { depth: 0, ..square }, None, [[true; 2]; 2])
    }

    /// § 7.3.8.5 and § 8.4: how samples are predicted decides in which order coefficients come.
    fn modes(&mut self, r: &mut Reading<'_, '_>, square: Square, unit: &mut Unit) {
        let parts = if unit.parted { 4 } else { 1 };
        let mut foretold = [false; 4];
        for foretold in &mut foretold[..parts] {
            *foretold = r.bin(context::PREVIOUS);
        }
        let squares = if unit.parted { square.quarters() } else { [square; 4] };
        for i in 0..parts {
            let (x, y) = self.quarter_place(squares[i]);
            let candidates = candidates(self.mode_left[y], self.mode_above[x]);
            unit.luma[i] = if foretold[i] {
                let which = if r.cabac.even() { 1 + usize::from(r.cabac.even()) } else { 0 };
                candidates[which]
            } else {
                let mut sorted = candidates;
                sorted.sort_unstable();
                let rest = r.cabac.number(5) as u8;
                sorted.iter().fold(rest, |mode, candidate| mode + u8::from(mode >= *candidate))
            };
            self.keep_mode(squares[i], unit.luma[i]);
        }
        if !unit.parted {
            unit.luma = [unit.luma[0]; 4];
        }
        if self.chroma == 0 {
            return;
        }
        let parts = if self.chroma == 3 { parts } else { 1 };
        for i in 0..parts {
            let luma = unit.luma[i];
            let mode = if r.bin(context::CHROMA_MODE) {
                let named = [PLANAR, VERTICAL, HORIZONTAL, DC][r.cabac.number(2) as usize];
                if named == luma { DIAGONAL } else { named }
            } else {
                luma
            };
            unit.chroma[i] = if self.chroma == 2 { HALVED[usize::from(mode.min(DIAGONAL))] } else { mode };
        }
        if parts == 1 {
            unit.chroma = [unit.chroma[0]; 4];
        }
    }

    /// Where a place's mode stands.
    fn quarter_place(&self, square: Square) -> (usize, usize) {
        let within = |n: u32| ((n & ((1 << self.tools.block) - 1)) >> 2) as usize;
        (within(square.x), within(square.y))
    }

    fn keep_mode(&mut self, square: Square, mode: u8) {
        let (x, y) = self.quarter_place(square);
        let across = 1_usize << (square.size - 2);
        self.mode_above[x..][..across].fill(mode);
        self.mode_left[y..][..across].fill(mode);
    }

    /// § 7.3.8.8. No deeper than from 64 samples to four. `which` quarter of the square above this is, `None` of none.
    fn transform_tree(
        &mut self,
        r: &mut Reading<'_, '_>,
        unit: &Unit,
        square: Square,
        which: Option<usize>,
        above: Coded,
    ) -> Option<()> {
        let Square { size, depth, .. } = square;
        let tools = self.tools;
        let most = tools.transform_depth + u32::from(unit.parted);
        let parts_here = unit.parted && depth == 0;
        let splits = if size <= tools.max_transform && size > tools.min_transform && depth < most && !parts_here {
            r.bin(context::SPLIT_TRANSFORM + 5 - size as usize)
        } else {
            size > tools.max_transform || parts_here
        };
        let mut coded = if size == 2 && which.is_some() { above } else { Coded::default() };
        if size > 2 && self.chroma != 0 || self.chroma == 3 {
            coded = Coded::default();
            for (coded, above) in coded.iter_mut().zip(above) {
                if above[0] || above[1] {
                    coded[0] = r.bin(context::CODED_CHROMA + depth as usize);
                    if self.chroma == 2 && (!splits || size == 3) {
                        coded[1] = r.bin(context::CODED_CHROMA + depth as usize);
                    }
                }
            }
        }
        if self.chroma == 0 {
            coded = Coded::default();
        }
        if splits {
            // Blocks of two samples there are none.
            if size == 2 {
                return None;
            }
            for (i, quarter) in square.quarters().into_iter().enumerate() {
                self.transform_tree(r, unit, quarter, Some(i), coded)?;
            }
            return Some(());
        }
        let luma = r.bin(context::CODED_LUMA + usize::from(depth == 0));
        self.transform_unit(r, unit, square, which == Some(3), luma, coded)
    }

    /// § 7.3.8.10.
    fn transform_unit(
        &mut self,
        r: &mut Reading<'_, '_>,
        unit: &Unit,
        square: Square,
        is_last: bool,
        luma: bool,
        coded: Coded,
    ) -> Option<()> {
        let any_chroma = coded.as_flattened().contains(&true);
        if !luma && !any_chroma {
            return Some(());
        }
        self.quantizer(r)?;
        let Square { x, y, size, depth } = square;
        // Parts are the quarters of the unit, and no transform is larger than one.
        let quarter = |n: u32| (n >> (size + depth - 1) & 1) as usize;
        let part = if unit.parted { quarter(x) + 2 * quarter(y) } else { 0 };
        let block = |size, is_chroma, mode| Block {
            size,
            is_chroma,
            bypass: unit.bypass,
            scan: scan(mode, size, is_chroma, self.chroma),
        };
        if luma {
            block(size, false, unit.luma[part]).read(self.cpu, r.cabac, r.contexts, self.pps)?;
        }
        if self.chroma == 0 {
            return Some(());
        }
        let chroma_size = if self.chroma == 3 { size } else { size - 1 };
        if size > 2 || self.chroma == 3 {
            for _ in coded.as_flattened().iter().filter(|coded| **coded) {
                block(chroma_size, true, unit.chroma[part]).read(self.cpu, r.cabac, r.contexts, self.pps)?;
            }
        } else if is_last {
            // Chroma of four blocks of luma stands behind the last.
            for _ in coded.as_flattened().iter().filter(|coded| **coded) {
                block(2, true, unit.chroma[0]).read(self.cpu, r.cabac, r.contexts, self.pps)?;
            }
        }
        Some(())
    }

    /// § 7.3.8.14.
    fn quantizer(&self, r: &mut Reading<'_, '_>) -> Option<()> {
        if self.pps.quantizer_depth.is_none() || r.quantizer {
            return Some(());
        }
        r.quantizer = true;
        let mut steps = 0;
        while steps < 5 && r.bin(context::QP_DELTA + usize::from(steps > 0)) {
            steps += 1;
        }
        if steps == 5 {
            let mut more = 0;
            while r.cabac.even() {
                more += 1;
                // Steps of more than the whole range of quantizers.
                if more == 16 {
                    return None;
                }
            }
            r.cabac.number(more);
        }
        if steps > 0 {
            r.cabac.even();
        }
        Some(())
    }
}

/// § 8.4.2: the modes that are likely beside these.
fn candidates(left: u8, above: u8) -> [u8; 3] {
    if left != above {
        let third = [PLANAR, DC, VERTICAL].into_iter().find(|mode| *mode != left && *mode != above);
        return [left, above, third.unwrap_or(VERTICAL)];
    }
    if left < 2 {
        return [PLANAR, DC, VERTICAL];
    }
    [left, 2 + (left + 29) % 32, 2 + (left - 2 + 1) % 32]
}

/// § 7.4.9.11.
fn scan(mode: u8, size: u32, is_chroma: bool, chroma: u8) -> Scan {
    if size == 2 || size == 3 && (!is_chroma || chroma == 3) {
        return match mode {
            6..=14 => Scan::Vertical,
            22..=30 => Scan::Horizontal,
            _ => Scan::Diagonal,
        };
    }
    Scan::Diagonal
}

/// Table 8-3: modes of chroma that is half as wide.
const HALVED: [u8; 35] = [
    0, 1, 2, 2, 2, 2, 3, 5, 7, 8, 10, 11, 13, 15, 16, 18, 19, 20, 21, 22, 23, 23, 24, 24, 25, 25, 26, 27, 27, 28, 28,
    29, 29, 30, 31,
];
