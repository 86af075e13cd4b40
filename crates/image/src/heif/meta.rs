//! The `meta` box (ISO/IEC 14496-12 § 8.11, 23008-12): which items a file has, where their bytes
//! lie, which properties they carry and how they refer to each other. Tables are kept as slices of
//! the file and read when asked for, so that a count in a header costs nothing.

use std::borrow::Cow;

use super::boxes::{BoxRef, FourCc, Reader, find};
use crate::error::Error;

/// Items in one file. A phone writes about 60; a 200-megapixel grid has some 800.
const MAX_ITEMS: usize = 20_000;

/// Properties one item may carry. Real ones have five or six.
const MAX_ASSOCIATIONS: usize = 64;

/// The parsed `meta` box together with the file its offsets point into.
pub(super) struct Meta<'a> {
    file: &'a [u8],
    primary: Option<u32>,
    /// Sorted by id.
    items: Vec<Item>,
    /// Sorted by id.
    locations: Vec<Location<'a>>,
    /// `ipco`: what the associations count through, from 1.
    properties: Vec<BoxRef<'a>>,
    /// Sorted by id; an item may stand in several `ipma` boxes.
    associations: Vec<Association<'a>>,
    references: Vec<Reference<'a>>,
    idat: &'a [u8],
}

#[derive(Clone, Copy)]
pub(super) struct Item {
    pub(super) id: u32,
    pub(super) kind: FourCc,
}

/// One row of `iloc`; `extents` is read when the item is.
#[derive(Clone, Copy)]
struct Location<'a> {
    id: u32,
    method: u8,
    base: u64,
    count: u16,
    widths: Widths,
    extents: &'a [u8],
}

#[derive(Clone, Copy)]
struct Widths {
    index: u8,
    offset: u8,
    length: u8,
}

#[derive(Clone, Copy)]
struct Association<'a> {
    id: u32,
    wide: bool,
    entries: &'a [u8],
}

/// A typed arrow from one item to others.
#[derive(Clone, Copy)]
struct Reference<'a> {
    kind: FourCc,
    from: u32,
    wide: bool,
    to: &'a [u8],
}

/// One property as an item uses it.
#[derive(Clone, Copy)]
pub(super) struct Property<'a> {
    pub(super) kind: FourCc,
    pub(super) body: &'a [u8],
    /// A reader that does not know it must leave the item alone.
    pub(super) essential: bool,
}

impl<'a> Meta<'a> {
    /// Reads the tables of `body`, the inside of a `meta` box of `file`.
    pub(super) fn read(file: &'a [u8], body: &'a [u8]) -> Result<Self, Error> {
        let mut meta = Self {
            file,
            primary: None,
            items: Vec::new(),
            locations: Vec::new(),
            properties: Vec::new(),
            associations: Vec::new(),
            references: Vec::new(),
            idat: &[],
        };
        let mut r = Reader::new(body);
        r.full()?;
        while let Some(b) = r.next_box()? {
            if b.cut {
                return Err(Error::corrupt("a HEIF table is larger than the metadata around it"));
            }
            let mut inner = Reader::new(b.body);
            match &b.kind {
                b"hdlr" => meta.check_handler(&mut inner)?,
                b"pitm" => {
                    let (version, _) = inner.full()?;
                    meta.primary = Some(inner.id(version > 0)?);
                }
                b"iinf" => meta.read_items(&mut inner)?,
                b"iloc" => meta.read_locations(&mut inner)?,
                b"iref" => meta.read_references(&mut inner)?,
                b"iprp" => meta.read_properties(b.body)?,
                b"idat" => meta.idat = b.body,
                _ => {}
            }
        }
        // The first of equals counts.
        meta.items.sort_by_key(|i| i.id);
        meta.locations.sort_by_key(|l| l.id);
        meta.associations.sort_by_key(|a| a.id);
        Ok(meta)
    }

    pub(super) fn primary(&self) -> Result<Item, Error> {
        let id = self.primary.ok_or_else(|| Error::corrupt("a HEIF file that names no primary picture"))?;
        self.item(id)
    }

    pub(super) fn item(&self, id: u32) -> Result<Item, Error> {
        let at = self.items.partition_point(|i| i.id < id);
        self.items
            .get(at)
            .filter(|i| i.id == id)
            .copied()
            .ok_or_else(|| Error::corrupt("a HEIF item refers to one that does not exist"))
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// The properties of an item in the order in which they apply.
    pub(super) fn properties(&self, id: u32) -> Result<Vec<Property<'a>>, Error> {
        let mut out = Vec::new();
        let start = self.associations.partition_point(|a| a.id < id);
        for association in self.associations[start..].iter().take_while(|a| a.id == id) {
            let mut r = Reader::new(association.entries);
            while !r.is_empty() {
                let (essential, index) = if association.wide {
                    let word = r.u16()?;
                    (word & 0x8000 != 0, word & 0x7FFF)
                } else {
                    let byte = r.u8()?;
                    (byte & 0x80 != 0, u16::from(byte & 0x7F))
                };
                if index == 0 {
                    continue;
                }
                let property = self
                    .properties
                    .get(usize::from(index) - 1)
                    .ok_or_else(|| Error::corrupt("a HEIF item with a property that does not exist"))?;
                if out.len() == MAX_ASSOCIATIONS {
                    return Err(Error::corrupt("a HEIF item with too many properties"));
                }
                out.push(Property { kind: property.kind, body: property.body, essential });
            }
        }
        Ok(out)
    }

    /// The items that `from` refers to by arrows of one kind, at most `limit` of them.
    pub(super) fn references(&self, kind: &FourCc, from: u32, limit: usize) -> Result<Vec<u32>, Error> {
        let mut out = Vec::new();
        for reference in self.references.iter().filter(|r| r.kind == *kind && r.from == from) {
            let mut r = Reader::new(reference.to);
            while !r.is_empty() {
                if out.len() == limit {
                    return Err(Error::corrupt("a HEIF item refers to more pictures than it uses"));
                }
                out.push(r.id(reference.wide)?);
            }
        }
        Ok(out)
    }

    /// All arrows of one kind, as the items that they end at and begin from, sorted.
    pub(super) fn arrows(&self, kind: &FourCc) -> Result<Vec<(u32, u32)>, Error> {
        let mut out = Vec::new();
        for reference in self.references.iter().filter(|r| r.kind == *kind) {
            let mut r = Reader::new(reference.to);
            while !r.is_empty() {
                if out.len() == MAX_ITEMS {
                    return Err(Error::too_large(format!("a HEIF file with more than {MAX_ITEMS} references")));
                }
                out.push((r.id(reference.wide)?, reference.from));
            }
        }
        out.sort_unstable();
        Ok(out)
    }

    /// The items whose arrows of one kind end at `to`, in the order of the file.
    pub(super) fn referring(&self, kind: &FourCc, to: u32) -> Result<Vec<u32>, Error> {
        let mut out = Vec::new();
        for reference in self.references.iter().filter(|r| r.kind == *kind) {
            let mut r = Reader::new(reference.to);
            while !r.is_empty() {
                if r.id(reference.wide)? == to {
                    out.push(reference.from);
                    break;
                }
            }
        }
        Ok(out)
    }

    /// An item's bytes: borrowed where they lie in one piece.
    ///
    /// # Errors
    /// `truncated` where they lie beyond the end of the file.
    pub(super) fn data(&self, id: u32) -> Result<Cow<'a, [u8]>, Error> {
        let at = self.locations.partition_point(|l| l.id < id);
        let location = self
            .locations
            .get(at)
            .filter(|l| l.id == id)
            .ok_or_else(|| Error::corrupt("a HEIF item without a place in the file"))?;
        let source = match location.method {
            0 => self.file,
            1 => self.idat,
            _ => return Err(Error::unsupported_feature("a HEIF item stored inside of another one")),
        };
        let mut r = Reader::new(location.extents);
        let mut joined: Cow<'a, [u8]> = Cow::Borrowed(&[]);
        for n in 0..location.count {
            r.uint(location.widths.index)?;
            let offset = r.uint(location.widths.offset)?;
            let length = r.uint(location.widths.length)?;
            let start = location
                .base
                .checked_add(offset)
                .and_then(|n| usize::try_from(n).ok())
                .ok_or_else(|| Error::corrupt("a HEIF item's offset overflows"))?;
            let tail =
                source.get(start..).ok_or_else(|| Error::truncated("a HEIF item begins after the file's end"))?;
            // Length 0 means all the rest.
            let length = if length == 0 { tail.len() } else { usize::try_from(length).unwrap_or(usize::MAX) };
            let piece = tail.get(..length).ok_or_else(|| Error::truncated("a HEIF item ends after the file's end"))?;
            if joined.len() + piece.len() > source.len() {
                return Err(Error::corrupt("a HEIF item is larger than the file that holds it"));
            }
            if n == 0 {
                joined = Cow::Borrowed(piece);
            } else {
                joined.to_mut().extend_from_slice(piece);
            }
        }
        Ok(joined)
    }

    fn check_handler(&self, r: &mut Reader<'a>) -> Result<(), Error> {
        r.full()?;
        r.take(4)?;
        if &r.four_cc()? != b"pict" {
            return Err(Error::unsupported_feature("a HEIF file whose metadata is not about pictures"));
        }
        Ok(())
    }

    fn read_items(&mut self, r: &mut Reader<'a>) -> Result<(), Error> {
        let (version, _) = r.full()?;
        r.id(version > 0)?;
        while let Some(entry) = r.next_box()? {
            if &entry.kind != b"infe" {
                continue;
            }
            let mut e = Reader::new(entry.body);
            let (version, _) = e.full()?;
            if version < 2 {
                // Before HEIF: no type, so no picture of ours.
                continue;
            }
            let id = e.id(version > 2)?;
            e.u16()?;
            let kind = e.four_cc()?;
            if self.items.len() == MAX_ITEMS {
                return Err(Error::too_large(format!("a HEIF file with more than {MAX_ITEMS} items")));
            }
            self.items.push(Item { id, kind });
        }
        Ok(())
    }

    fn read_locations(&mut self, r: &mut Reader<'a>) -> Result<(), Error> {
        let (version, _) = r.full()?;
        if version > 2 {
            return Err(Error::unsupported_feature("item locations of an unknown version"));
        }
        let sizes = r.u16()?;
        let nibble = |shift: u32| (sizes >> shift & 0xF) as u8;
        let base_width = nibble(4);
        let index = if version > 0 { nibble(0) } else { 0 };
        let widths = Widths { index, offset: nibble(12), length: nibble(8) };
        for width in [base_width, widths.index, widths.offset, widths.length] {
            Reader::new(&[0; 8]).uint(width)?;
        }
        let bytes = usize::from(widths.index + widths.offset + widths.length);
        for _ in 0..r.id(version > 1)? {
            let id = r.id(version > 1)?;
            let method = if version > 0 { (r.u16()? & 0xF) as u8 } else { 0 };
            let reference = r.u16()?;
            let base = r.uint(base_width)?;
            let count = r.u16()?;
            if bytes == 0 && count > 1 {
                return Err(Error::corrupt("a HEIF item in many pieces without places"));
            }
            let extents = r.take(bytes * usize::from(count))?;
            if reference != 0 && method == 0 {
                // The bytes lie in another file.
                continue;
            }
            if self.locations.len() == MAX_ITEMS {
                return Err(Error::too_large(format!("a HEIF file with more than {MAX_ITEMS} items")));
            }
            self.locations.push(Location { id, method, base, count, widths, extents });
        }
        Ok(())
    }

    fn read_references(&mut self, r: &mut Reader<'a>) -> Result<(), Error> {
        let (version, _) = r.full()?;
        let wide = version > 0;
        while let Some(b) = r.next_box()? {
            let mut inner = Reader::new(b.body);
            let from = inner.id(wide)?;
            let count = usize::from(inner.u16()?);
            let to = inner.take(count * if wide { 4 } else { 2 })?;
            if self.references.len() == MAX_ITEMS {
                return Err(Error::too_large(format!("a HEIF file with more than {MAX_ITEMS} references")));
            }
            self.references.push(Reference { kind: b.kind, from, wide, to });
        }
        Ok(())
    }

    fn read_properties(&mut self, body: &'a [u8]) -> Result<(), Error> {
        let container = find(body, b"ipco")?.ok_or_else(|| Error::corrupt("HEIF properties without a container"))?;
        let mut r = Reader::new(container);
        while let Some(property) = r.next_box()? {
            // The index has 15 bits.
            if self.properties.len() == 0x7FFF {
                return Err(Error::corrupt("too many HEIF properties"));
            }
            self.properties.push(property);
        }
        let mut boxes = Reader::new(body);
        while let Some(b) = boxes.next_box()? {
            if &b.kind == b"ipma" {
                self.read_associations(&mut Reader::new(b.body))?;
            }
        }
        Ok(())
    }

    fn read_associations(&mut self, r: &mut Reader<'a>) -> Result<(), Error> {
        let (version, flags) = r.full()?;
        let wide = flags & 1 != 0;
        for _ in 0..r.u32()? {
            let id = r.id(version > 0)?;
            let count = usize::from(r.u8()?);
            let entries = r.take(count * if wide { 2 } else { 1 })?;
            if self.associations.len() == MAX_ITEMS {
                return Err(Error::too_large(format!("a HEIF file with more than {MAX_ITEMS} items")));
            }
            self.associations.push(Association { id, wide, entries });
        }
        Ok(())
    }
}
