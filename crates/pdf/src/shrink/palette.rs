//! Palettes: an image of indices becomes one of the colours that they stand for, which loses nothing.

use std::collections::HashMap;

use crate::inflate;
use crate::object::{Dict, Object};
use crate::objects::{Entry, Objects};
use crate::write::Document;

/// Bytes of a palette: 256 colours of four components.
const MAX_TABLE: u64 = 1024;

/// The colours of one image.
pub(super) struct Palette {
    /// The space that they are in, as it is to be written.
    pub(super) base: Object,
    /// Components of one colour.
    pub(super) channels: usize,
    /// They are Lab, which no JPEG keeps.
    pub(super) is_lab: bool,
    table: Vec<u8>,
}

impl Palette {
    /// The samples that indices of this many bits stand for, rows packed; `None` where they do not suffice.
    pub(super) fn expand(&self, data: &[u8], width: usize, height: usize, bits: usize) -> Option<Vec<u8>> {
        let row = (width * bits).div_ceil(8);
        let data = data.get(..row.checked_mul(height)?)?;
        let mut out = Vec::with_capacity(width * height * self.channels);
        let mask = ((1u16 << bits) - 1) as u8;
        for row in data.chunks_exact(row) {
            for x in 0..width {
                let bit = x * bits;
                let index = usize::from(row[bit / 8] >> (8 - bits - bit % 8) & mask);
                // An index beyond the palette is its last colour.
                let index = index.min(self.table.len() / self.channels - 1);
                out.extend_from_slice(&self.table[index * self.channels..(index + 1) * self.channels]);
            }
        }
        Some(out)
    }
}

/// The palettes of all images that have one, by the image's number.
pub(super) fn find(document: &Document) -> HashMap<u32, Palette> {
    let objects = Objects::of(document);
    document.images().filter_map(|(number, dict)| Some((number, palette(&objects, dict)?))).collect()
}

fn palette(objects: &Objects<'_>, dict: &Dict) -> Option<Palette> {
    let [family, base, _, table] = objects.entry(dict, b"ColorSpace")?.as_array()? else { return None };
    if !matches!(family.as_name(), Some(b"Indexed" | b"I")) {
        return None;
    }
    let mut is_lab = false;
    let channels = match objects.follow(base)? {
        Entry::Plain(Object::Name(name)) => match name.as_bytes() {
            b"DeviceGray" | b"G" => 1,
            b"DeviceRGB" | b"RGB" => 3,
            b"DeviceCMYK" | b"CMYK" => 4,
            _ => return None,
        },
        Entry::Plain(Object::Array(parts)) => match parts.first()?.as_name()? {
            b"CalGray" => 1,
            b"CalRGB" => 3,
            // A palette's bytes go over the ranges of its base, as an image's samples in it do.
            b"Lab" => {
                is_lab = true;
                3
            }
            b"ICCBased" => {
                let n = objects.entry(objects.follow(parts.get(1)?)?.dict()?, b"N")?.as_int()?;
                usize::try_from(n).ok().filter(|n| [1, 3, 4].contains(n))?
            }
            _ => return None,
        },
        _ => return None,
    };
    let table = match objects.follow(table)? {
        Entry::Plain(Object::String(bytes)) => bytes.to_vec(),
        Entry::Stream(stream) => inflate::undo(stream, MAX_TABLE).ok()?.to_vec(),
        Entry::Plain(_) => return None,
    };
    let base = match base {
        Object::Name(name) if name.as_bytes() == b"G" => Object::name(b"DeviceGray"),
        Object::Name(name) if name.as_bytes() == b"RGB" => Object::name(b"DeviceRGB"),
        Object::Name(name) if name.as_bytes() == b"CMYK" => Object::name(b"DeviceCMYK"),
        other => other.clone(),
    };
    (table.len() >= channels).then_some(Palette { base, channels, is_lab, table })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_of_every_depth_become_their_colours() {
        let palette = Palette { base: Object::Null, channels: 3, is_lab: false, table: (0..12).collect() };
        assert_eq!(palette.expand(&[0, 3, 9], 3, 1, 8).unwrap(), [0, 1, 2, 9, 10, 11, 9, 10, 11]);
        assert_eq!(palette.expand(&[0x1F, 0xF0, 0x20, 0x00], 3, 2, 4).unwrap()[..6], [3, 4, 5, 9, 10, 11]);
        assert_eq!(palette.expand(&[0b0111_0000], 2, 1, 2).unwrap(), [3, 4, 5, 9, 10, 11]);
        assert_eq!(palette.expand(&[0b0100_0000], 2, 1, 1).unwrap(), [0, 1, 2, 3, 4, 5]);
        assert!(palette.expand(&[0], 2, 1, 8).is_none());
    }
}
