//! TIFFs written tag by tag, so that a test can break exactly one thing.

/// A TIFF, in the byte order of Intel, of pages that follow each other.
#[derive(Clone, Debug, Default)]
pub struct Tiff {
    pages: Vec<TiffPage>,
}

/// One page: its tags, and its data in one strip.
#[derive(Clone, Debug)]
pub struct TiffPage {
    tags: Vec<(u16, u32)>,
    data: Vec<u8>,
}

impl TiffPage {
    /// A grey page of a byte a pixel, `level` tells how bright each is.
    #[must_use]
    pub fn grey(width: u32, height: u32, level: impl Fn(u32, u32) -> u8) -> Self {
        let data = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| level(x, y)).collect();
        let tags = vec![(256, width), (257, height), (258, 8), (259, 1), (262, 1), (277, 1), (278, height)];
        Self { tags, data }
    }

    /// A page of black and white, one bit a pixel, 1 is black.
    #[must_use]
    pub fn bilevel(width: u32, height: u32, black: impl Fn(u32, u32) -> bool) -> Self {
        let mut data = vec![0; (width.div_ceil(8) * height) as usize];
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).filter(|(x, y)| black(*x, *y)) {
            data[(y * width.div_ceil(8) + x / 8) as usize] |= 0x80 >> (x % 8);
        }
        let tags = vec![(256, width), (257, height), (258, 1), (259, 1), (262, 0), (277, 1), (278, height)];
        Self { tags, data }
    }

    /// The same with this number under this tag.
    #[must_use]
    pub fn with(mut self, tag: u16, value: u32) -> Self {
        self.tags.retain(|(known, _)| *known != tag);
        self.tags.push((tag, value));
        self
    }

    /// The same with these data.
    #[must_use]
    pub fn with_data(mut self, data: Vec<u8>) -> Self {
        self.data = data;
        self
    }
}

impl Tiff {
    /// These pages.
    #[must_use]
    pub fn of(pages: impl IntoIterator<Item = TiffPage>) -> Self {
        Self { pages: pages.into_iter().collect() }
    }

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let long = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        let mut out = b"II*\0\0\0\0\0".to_vec();
        // Where the offset of the next directory belongs.
        let mut link = 4;
        for page in &self.pages {
            let data = out.len();
            out.extend_from_slice(&page.data);
            out.resize(out.len().next_multiple_of(2), 0);
            let mut tags = page.tags.clone();
            let own = [(273, data), (279, page.data.len())];
            for (tag, value) in own.map(|(tag, value)| (tag, u32::try_from(value).unwrap_or(u32::MAX))) {
                if tags.iter().all(|(known, _)| *known != tag) {
                    tags.push((tag, value));
                }
            }
            tags.sort_unstable();
            let here = long(out.len());
            out[link..link + 4].copy_from_slice(&here);
            out.extend_from_slice(&u16::try_from(tags.len()).unwrap_or(u16::MAX).to_le_bytes());
            for (tag, value) in tags {
                out.extend_from_slice(&tag.to_le_bytes());
                out.extend_from_slice(&[4, 0, 1, 0, 0, 0]);
                out.extend_from_slice(&value.to_le_bytes());
            }
            link = out.len();
            out.extend_from_slice(&[0; 4]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_follow_each_other() {
        let page = || TiffPage::grey(2, 1, |x, _| if x == 0 { 7 } else { 9 });
        let file = Tiff::of([page(), page()]).bytes();
        let long = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let first = long(4);
        assert_eq!((first, &file[8..10], file[first]), (10, &[7, 9][..], 9));
        let second = long(first + 2 + 9 * 12);
        assert_eq!((&file[second - 2..second], long(second + 2 + 9 * 12)), (&[7, 9][..], 0));
    }
}
