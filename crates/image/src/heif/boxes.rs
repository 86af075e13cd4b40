//! The grammar of ISO base media: big-endian numbers and nested boxes, read from a slice that is
//! never believed. Nothing here allocates, and no length is used before it was compared with what
//! is there.

use crate::error::Error;

/// Four characters naming a box, an item type or a brand.
pub(super) type FourCc = [u8; 4];

/// Reads big-endian numbers from the front of a slice. Every read past the end is an error of
/// kind `corrupt`.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    data: &'a [u8],
}

/// One box: its name and what lies inside it, its header left out.
#[derive(Clone, Copy)]
pub(super) struct BoxRef<'a> {
    pub(super) kind: FourCc,
    pub(super) body: &'a [u8],
    /// The box claims more bytes than its surroundings have; `body` is what is there.
    pub(super) cut: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.data
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (head, tail) =
            self.data.split_at_checked(n).ok_or_else(|| Error::corrupt("a HEIF box ends inside of a field"))?;
        self.data = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, Error> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub(super) fn four_cc(&mut self) -> Result<FourCc, Error> {
        self.array()
    }

    /// A number of 0, 4 or 8 bytes, as `iloc` uses them; 0 bytes mean zero.
    pub(super) fn uint(&mut self, bytes: u8) -> Result<u64, Error> {
        match bytes {
            0 => Ok(0),
            4 => Ok(u64::from(self.u32()?)),
            8 => Ok(u64::from_be_bytes(self.array()?)),
            _ => Err(Error::corrupt("an item location has fields of an impossible width")),
        }
    }

    /// A number of 16 bits, or of 32 where `wide`.
    pub(super) fn id(&mut self, wide: bool) -> Result<u32, Error> {
        if wide { self.u32() } else { Ok(u32::from(self.u16()?)) }
    }

    /// Version and flags of a full box.
    pub(super) fn full(&mut self) -> Result<(u8, u32), Error> {
        let word = self.u32()?;
        Ok(((word >> 24) as u8, word & 0x00FF_FFFF))
    }

    /// The next box, or `None` at the end. Fewer than eight bytes left over count as the end:
    /// writers pad.
    pub(super) fn next_box(&mut self) -> Result<Option<BoxRef<'a>>, Error> {
        if self.data.len() < 8 {
            return Ok(None);
        }
        let outer = self.data.len() as u64;
        let mut header = *self;
        let small = header.u32()?;
        let kind = header.four_cc()?;
        let size = match small {
            0 => outer,
            1 => header.uint(8)?,
            n => u64::from(n),
        };
        if &kind == b"uuid" {
            header.take(16)?;
        }
        let used = outer - header.data.len() as u64;
        if size < used {
            return Err(Error::corrupt("a HEIF box is smaller than its own header"));
        }
        let cut = size > outer;
        // Both fit: `size.min(outer)` is at most the slice's length.
        let body = header.take((size.min(outer) - used) as usize)?;
        self.data = header.data;
        Ok(Some(BoxRef { kind, body, cut }))
    }
}

/// The first box of a kind among those in `body`.
pub(super) fn find<'a>(body: &'a [u8], kind: &FourCc) -> Result<Option<&'a [u8]>, Error> {
    let mut boxes = Reader::new(body);
    while let Some(found) = boxes.next_box()? {
        if found.kind == *kind {
            return Ok(Some(found.body));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_of_every_size_field() {
        let mut file = Vec::new();
        file.extend(10u32.to_be_bytes());
        file.extend(b"aaaaXY");
        file.extend(1u32.to_be_bytes());
        file.extend(b"bbbb");
        file.extend(17u64.to_be_bytes());
        file.push(b'Z');
        file.extend(0u32.to_be_bytes());
        file.extend(b"ccccto the end");
        let mut r = Reader::new(&file);
        let mut seen = Vec::new();
        while let Some(b) = r.next_box().unwrap() {
            assert!(!b.cut);
            seen.push((b.kind, b.body));
        }
        assert_eq!(seen, [(*b"aaaa", &b"XY"[..]), (*b"bbbb", b"Z"), (*b"cccc", b"to the end")]);
        assert_eq!(find(&file, b"bbbb").unwrap(), Some(&b"Z"[..]));
    }

    #[test]
    fn lies_about_sizes() {
        let small = [0, 0, 0, 7, b'a', b'a', b'a', b'a'];
        assert!(Reader::new(&small).next_box().is_err());
        let large = [0, 0, 0, 1, b'a', b'a', b'a', b'a', 255, 255, 255, 255, 255, 255, 255, 255, 1];
        let b = Reader::new(&large).next_box().unwrap().unwrap();
        assert!(b.cut && b.body == [1]);
        assert!(Reader::new(&[1, 2, 3]).next_box().unwrap().is_none());
    }
}
