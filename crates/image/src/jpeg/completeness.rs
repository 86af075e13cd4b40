//! What the scans of a JPEG announce, and what they leave out together.

/// What a scan says of itself.
pub(super) struct ScanHeader<'a> {
    /// Component, and the numbers of its DC and AC codes.
    pub(super) components: &'a [[u8; 2]],
    /// First and last coefficient.
    pub(super) first: u8,
    last: u8,
    /// Bit position before and after.
    pub(super) bits: u8,
}

impl<'a> ScanHeader<'a> {
    pub(super) fn read(data: &'a [u8]) -> Option<Self> {
        let (count, rest) = data.split_first()?;
        let (components, rest) = rest.split_at_checked(usize::from(*count) * 2)?;
        let [first, last, bits] = *rest else { return None };
        Some(Self { components: components.as_chunks().0, first, last, bits })
    }
}

/// What the scans of a picture leave out, from nothing to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lack {
    Nothing,
    /// Low bits of some coefficients: a little softer than it was.
    Refinement,
    /// Coefficients, or whole components.
    Coefficients,
}

/// For each component and coefficient, how many low bits are still to come; 255 for nothing yet.
#[derive(Debug)]
pub(super) struct Completeness([[u8; 64]; 4]);

impl Default for Completeness {
    fn default() -> Self {
        Self([[255; 64]; 4])
    }
}

impl Completeness {
    pub(super) fn note(&mut self, header: &ScanHeader<'_>, progressive: bool, components: &[u8]) {
        // In sequential scans, the numbers mean nothing.
        let (range, bits) = if progressive {
            let end = usize::from(header.last).saturating_add(1).min(64);
            (usize::from(header.first).min(end)..end, header.bits & 15)
        } else {
            (0..64, 0)
        };
        for [id, _] in header.components {
            if let Some(index) = components.iter().position(|c| c == id).filter(|i| *i < 4) {
                self.0[index][range.clone()].fill(bits);
            }
        }
    }

    pub(super) fn lacks(&self, components: usize) -> Lack {
        match self.0.iter().take(components).flatten().max() {
            Some(0) => Lack::Nothing,
            Some(255) | None => Lack::Coefficients,
            Some(_) => Lack::Refinement,
        }
    }
}
