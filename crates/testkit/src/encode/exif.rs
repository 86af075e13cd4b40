//! A small EXIF block as phones write it, with things that must not survive an upload.

/// What the block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exif {
    /// The orientation tag; 1–8 are valid, anything may be written.
    pub orientation: u16,
    /// Big-endian (`MM`) instead of little-endian (`II`).
    pub is_big_endian: bool,
    /// Whether a GPS position and a serial number are in it.
    pub has_private_data: bool,
}

impl Exif {
    /// Text that stands in the private part, to look for in outputs.
    pub const PRIVATE_TEXT: &'static str = "SN-PRIVATE-0042";

    /// Little-endian, with private data.
    pub const fn new(orientation: u16) -> Self {
        Self { orientation, is_big_endian: false, has_private_data: true }
    }

    /// Big-endian instead.
    #[must_use]
    pub const fn big_endian(self) -> Self {
        Self { is_big_endian: true, ..self }
    }

    /// Without GPS and serial number.
    #[must_use]
    pub const fn without_private_data(self) -> Self {
        Self { has_private_data: false, ..self }
    }

    /// The TIFF structure, without the `Exif\0\0` that JPEG puts before it.
    pub fn tiff(&self) -> Vec<u8> {
        const GPS: u16 = 0x8825;
        let mut tags = vec![
            (0x010f, Value::Text("Sealpress")),
            (0x0110, Value::Text("Testkit Phone 1")),
            (0x0112, Value::Short(self.orientation)),
            (0x0132, Value::Text("2026:01:02 03:04:05")),
        ];
        if self.has_private_data {
            tags.push((GPS, Value::Directory));
            tags.push((0xa431, Value::Text(Self::PRIVATE_TEXT)));
        }
        let gps = [
            (0x0001, Value::Text("N")),
            (0x0002, Value::Rational([59, 26, 13])),
            (0x0003, Value::Text("E")),
            (0x0004, Value::Rational([24, 45, 11])),
        ];
        let mut out = Block { data: Vec::new(), is_big_endian: self.is_big_endian };
        out.data.extend_from_slice(if self.is_big_endian { b"MM" } else { b"II" });
        out.short(42);
        out.long(8);
        let to_gps = out.directory(&tags);
        if let Some(at) = to_gps {
            let here = out.data.len() as u32;
            let bytes = if self.is_big_endian { here.to_be_bytes() } else { here.to_le_bytes() };
            out.data[at..at + 4].copy_from_slice(&bytes);
            out.directory(&gps);
        }
        out.data
    }
}

#[derive(Clone, Copy)]
enum Value {
    Text(&'static str),
    Short(u16),
    Rational([u32; 3]),
    Directory,
}

struct Block {
    data: Vec<u8>,
    is_big_endian: bool,
}

impl Block {
    fn short(&mut self, value: u16) {
        let bytes = if self.is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.data.extend_from_slice(&bytes);
    }

    fn long(&mut self, value: u32) {
        let bytes = if self.is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        self.data.extend_from_slice(&bytes);
    }

    /// Writes one directory and its values; returns where the pointer to a further one stands.
    fn directory(&mut self, tags: &[(u16, Value)]) -> Option<usize> {
        let mut pointer = None;
        let mut values = Block { data: Vec::new(), is_big_endian: self.is_big_endian };
        let base = self.data.len() + 2 + tags.len() * 12 + 4;
        self.short(tags.len() as u16);
        for &(tag, value) in tags {
            self.short(tag);
            match value {
                Value::Short(number) => {
                    self.short(3);
                    self.long(1);
                    self.short(number);
                    self.short(0);
                }
                Value::Directory => {
                    self.short(4);
                    self.long(1);
                    pointer = Some(self.data.len());
                    self.long(0);
                }
                Value::Text(text) => {
                    self.short(2);
                    self.long(text.len() as u32 + 1);
                    let mut bytes = text.as_bytes().to_vec();
                    bytes.push(0);
                    if bytes.len() <= 4 {
                        bytes.resize(4, 0);
                        self.data.extend_from_slice(&bytes);
                    } else {
                        bytes.resize(bytes.len().next_multiple_of(2), 0);
                        self.long((base + values.data.len()) as u32);
                        values.data.extend_from_slice(&bytes);
                    }
                }
                Value::Rational(parts) => {
                    self.short(5);
                    self.long(3);
                    self.long((base + values.data.len()) as u32);
                    for part in parts {
                        values.long(part);
                        values.long(1);
                    }
                }
            }
        }
        self.long(0);
        self.data.extend_from_slice(&values.data);
        pointer
    }
}

#[cfg(test)]
mod tests {
    use super::Exif;

    #[test]
    fn the_orientation_stands_where_the_format_says() {
        let little = Exif::new(6).tiff();
        assert_eq!(&little[..8], b"II*\0\x08\0\0\0");
        // Third entry of the directory at 8: 8 + 2 + 2*12.
        assert_eq!(&little[34..46], [0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
        let big = Exif::new(8).big_endian().without_private_data().tiff();
        assert_eq!(&big[34..46], [1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0]);
        let private = Exif::PRIVATE_TEXT.as_bytes();
        assert!(little.windows(private.len()).any(|w| w == private));
        assert!(!big.windows(private.len()).any(|w| w == private));
    }
}
