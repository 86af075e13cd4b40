//! The container of a TIFF: directories of tags, one for each page. Every offset is judged before it is followed,
//! every count before anything is allocated for it, and the chain of directories by a set of those that were met.

use std::collections::HashSet;

use bytes::Bytes;

use crate::error::{Error, ErrorKind};

/// Directories of one file. Faxes of a whole day have a few hundred.
const MAX_DIRECTORIES: usize = 4_096;

/// Entries of one directory.
const MAX_ENTRIES: usize = 1_024;

/// Tags that are asked for (TIFF 6.0; 50706 is DNG's).
pub(super) mod tag {
    pub(crate) const KIND: u16 = 254;
    pub(crate) const WIDTH: u16 = 256;
    pub(crate) const HEIGHT: u16 = 257;
    pub(crate) const BITS: u16 = 258;
    pub(crate) const COMPRESSION: u16 = 259;
    pub(crate) const PHOTOMETRIC: u16 = 262;
    pub(crate) const FILL_ORDER: u16 = 266;
    pub(crate) const STRIP_OFFSETS: u16 = 273;
    pub(crate) const ORIENTATION: u16 = 274;
    pub(crate) const SAMPLES: u16 = 277;
    pub(crate) const ROWS_PER_STRIP: u16 = 278;
    pub(crate) const STRIP_LENGTHS: u16 = 279;
    pub(crate) const X_RESOLUTION: u16 = 282;
    pub(crate) const Y_RESOLUTION: u16 = 283;
    pub(crate) const PLANES: u16 = 284;
    pub(crate) const FAX_OPTIONS: u16 = 292;
    pub(crate) const RESOLUTION_UNIT: u16 = 296;
    pub(crate) const PREDICTOR: u16 = 317;
    pub(crate) const PALETTE: u16 = 320;
    pub(crate) const TILE_WIDTH: u16 = 322;
    pub(crate) const TILE_HEIGHT: u16 = 323;
    pub(crate) const TILE_OFFSETS: u16 = 324;
    pub(crate) const TILE_LENGTHS: u16 = 325;
    pub(crate) const EXTRA_SAMPLES: u16 = 338;
    pub(crate) const SAMPLE_FORMAT: u16 = 339;
    pub(crate) const JPEG_TABLES: u16 = 347;
    pub(crate) const PROFILE: u16 = 34_675;
    pub(crate) const DNG: u16 = 50_706;
}

/// The file and its byte order.
#[derive(Clone)]
pub(super) struct Container {
    pub(super) bytes: Bytes,
    big_endian: bool,
}

/// The directories of a file.
pub(super) struct Chain {
    pub(super) directories: Vec<usize>,
    /// The chain runs in a circle or out of the file: there were more of them, or nobody knows.
    pub(super) is_torn: bool,
}

/// One directory.
pub(super) struct Directory<'c> {
    container: &'c Container,
    entries: Vec<Entry>,
}

struct Entry {
    tag: u16,
    kind: u16,
    count: usize,
    /// Where the values stand.
    at: usize,
}

impl Container {
    pub(super) fn new(bytes: &Bytes) -> Result<Self, Error> {
        let big_endian = match bytes.get(..4) {
            Some(b"II*\0") => false,
            Some(b"MM\0*") => true,
            _ => return Err(Error::new(ErrorKind::Corrupt, "not the head of a TIFF")),
        };
        Ok(Self { bytes: bytes.clone(), big_endian })
    }

    pub(super) const fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes: [u8; 2] = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes: [u8; 4] = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// Where the directories of the file stand, in their order.
    pub(super) fn directories(&self) -> Result<Chain, Error> {
        let (mut found, mut met) = (Vec::new(), HashSet::new());
        let mut next = self.long(4);
        while let Some(at) = next.map(|at| at as usize).filter(|at| *at != 0) {
            let count = self.short(at).filter(|_| met.insert(at));
            let Some(count) = count else { return Ok(Chain { directories: found, is_torn: true }) };
            if found.len() == MAX_DIRECTORIES {
                return Err(Error::new(ErrorKind::Limit, "the file has too many pages"));
            }
            found.push(at);
            next = self.long(at + 2 + 12 * usize::from(count));
        }
        Ok(Chain { directories: found, is_torn: next.is_none() })
    }

    /// The directory that stands here.
    pub(super) fn directory(&self, at: usize) -> Result<Directory<'_>, Error> {
        let torn = || Error::new(ErrorKind::Truncated, "a page lies behind the end of the file");
        let count = usize::from(self.short(at).ok_or_else(torn)?);
        if count > MAX_ENTRIES {
            return Err(Error::new(ErrorKind::Limit, "a page has too many tags"));
        }
        let mut entries = Vec::with_capacity(count);
        for at in (0..count).map(|n| at + 2 + 12 * n) {
            let (tag, kind) = (self.short(at).ok_or_else(torn)?, self.short(at + 2).ok_or_else(torn)?);
            let count = self.long(at + 4).ok_or_else(torn)? as usize;
            let inside = self.long(at + 8).ok_or_else(torn)? as usize;
            let Some(size) = size(kind) else { continue };
            let fits = count.checked_mul(size).is_some_and(|length| length <= 4);
            entries.push(Entry { tag, kind, count, at: if fits { at + 8 } else { inside } });
        }
        Ok(Directory { container: self, entries })
    }
}

/// Bytes of one value of this kind.
const fn size(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 13 => Some(4),
        5 | 10 => Some(8),
        _ => None,
    }
}

impl Directory<'_> {
    fn entry(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    pub(super) fn contains(&self, tag: u16) -> bool {
        self.entry(tag).is_some()
    }

    fn number(&self, entry: &Entry, index: usize) -> Option<u32> {
        let container = self.container;
        match entry.kind {
            1 | 6 | 7 => container.bytes.get(entry.at.checked_add(index)?).map(|b| u32::from(*b)),
            3 => container.short(entry.at.checked_add(2 * index)?).map(u32::from),
            4 | 13 => container.long(entry.at.checked_add(4 * index)?),
            _ => None,
        }
    }

    /// The first whole number of a tag.
    pub(super) fn first(&self, tag: u16) -> Option<u32> {
        self.number(self.entry(tag).filter(|entry| entry.count > 0)?, 0)
    }

    /// All whole numbers of a tag, of which there may be `most`; empty where it is missing or goes beyond the file.
    pub(super) fn all(&self, tag: u16, most: usize) -> Vec<u32> {
        let Some(entry) = self.entry(tag).filter(|entry| entry.count <= most) else { return Vec::new() };
        (0..entry.count).map_while(|index| self.number(entry, index)).collect()
    }

    /// The bytes of a tag.
    pub(super) fn bytes(&self, tag: u16) -> Option<Bytes> {
        let entry = self.entry(tag).filter(|entry| matches!(entry.kind, 1 | 2 | 6 | 7))?;
        let end = entry.at.checked_add(entry.count).filter(|end| *end <= self.container.bytes.len())?;
        Some(self.container.bytes.slice(entry.at..end))
    }

    /// A fraction.
    pub(super) fn fraction(&self, tag: u16) -> Option<f64> {
        let entry = self.entry(tag).filter(|entry| entry.kind == 5 && entry.count > 0)?;
        let (above, below) = (self.container.long(entry.at)?, self.container.long(entry.at.checked_add(4)?)?);
        (below != 0).then(|| f64::from(above) / f64::from(below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directories of no entries, at these places, each with the place of the next one.
    fn chain(places: &[(usize, u32)]) -> Container {
        let mut file = vec![0; 64];
        file[..8].copy_from_slice(b"II*\0\x08\0\0\0");
        for (at, next) in places {
            file[at + 2..at + 6].copy_from_slice(&next.to_le_bytes());
        }
        Container::new(&Bytes::from(file)).unwrap()
    }

    #[test]
    fn a_chain_ends_where_it_is_met_again_or_leaves_the_file() {
        let met = |places: &[(usize, u32)]| {
            let Chain { directories, is_torn } = chain(places).directories().unwrap();
            (directories, is_torn)
        };
        assert_eq!(met(&[(8, 0)]), (vec![8], false));
        assert_eq!(met(&[(8, 20), (20, 30)]), (vec![8, 20, 30], false));
        assert_eq!(met(&[(8, 20), (20, 8)]), (vec![8, 20], true));
        assert_eq!(met(&[(8, 8)]), (vec![8], true));
        assert_eq!(met(&[(8, u32::MAX)]), (vec![8], true));
    }

    #[test]
    fn counts_are_judged_before_anything_is_allocated() {
        // One entry: strip offsets, four thousand million of them.
        let mut file = b"II*\0\x08\0\0\0\x01\0".to_vec();
        file.extend([0x11, 1, 4, 0, 255, 255, 255, 255, 8, 0, 0, 0, 0, 0, 0, 0]);
        let container = Container::new(&Bytes::from(file)).unwrap();
        let directory = container.directory(8).unwrap();
        assert!(directory.all(tag::STRIP_OFFSETS, 10_000).is_empty());
        // Even where so many were allowed, there are only as many as the file has.
        assert!(directory.all(tag::STRIP_OFFSETS, usize::MAX).len() < 10);
        assert!(directory.bytes(tag::STRIP_OFFSETS).is_none());
    }
}
