//! Small ICC profiles, computed from the primaries that the colour spaces' definitions give.

/// An RGB profile with a matrix and one curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IccProfile {
    /// sRGB.
    Srgb,
    /// Display P3 (wider primaries, the curve of sRGB).
    DisplayP3,
    /// Adobe RGB (1998), gamma 563/256.
    AdobeRgb,
}

impl IccProfile {
    /// The profile's bytes: ICC version 4, display class, about 500 bytes.
    pub fn bytes(self) -> Vec<u8> {
        let tags: [(&[u8; 4], Vec<u8>); 9] = [
            (b"desc", text(self.name())),
            (b"cprt", text("made by sealpress testkit, no rights reserved")),
            (b"wtpt", xyz([0.964_2, 1.0, 0.824_9])),
            (b"rXYZ", xyz(self.primaries()[0])),
            (b"gXYZ", xyz(self.primaries()[1])),
            (b"bXYZ", xyz(self.primaries()[2])),
            (b"rTRC", self.curve()),
            (b"gTRC", self.curve()),
            (b"bTRC", self.curve()),
        ];
        let mut table = Vec::new();
        let mut data = Vec::new();
        let base = 128 + 4 + tags.len() * 12;
        table.extend_from_slice(&(tags.len() as u32).to_be_bytes());
        for (name, body) in &tags {
            table.extend_from_slice(*name);
            table.extend_from_slice(&((base + data.len()) as u32).to_be_bytes());
            table.extend_from_slice(&(body.len() as u32).to_be_bytes());
            data.extend_from_slice(body);
            data.resize(data.len().next_multiple_of(4), 0);
        }
        let mut header = [0u8; 128];
        header[..4].copy_from_slice(&((base + data.len()) as u32).to_be_bytes());
        header[8..12].copy_from_slice(&[4, 0x30, 0, 0]);
        header[12..24].copy_from_slice(b"mntrRGB XYZ ");
        header[24..36].copy_from_slice(&[0x07, 0xea, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
        header[36..40].copy_from_slice(b"acsp");
        header[68..80].copy_from_slice(&xyz([0.964_2, 1.0, 0.824_9])[8..20]);
        [&header[..], &table, &data].concat()
    }

    /// The name that the profile carries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Srgb => "sRGB (testkit)",
            Self::DisplayP3 => "Display P3 (testkit)",
            Self::AdobeRgb => "Adobe RGB compatible (testkit)",
        }
    }

    /// Red, green and blue as XYZ, adapted to D50.
    const fn primaries(self) -> [[f64; 3]; 3] {
        match self {
            Self::Srgb => {
                [[0.436_07, 0.222_49, 0.013_92], [0.385_15, 0.716_87, 0.097_08], [0.143_07, 0.060_61, 0.714_10]]
            }
            Self::DisplayP3 => {
                [[0.515_12, 0.241_20, -0.001_05], [0.291_98, 0.692_25, 0.041_89], [0.157_10, 0.066_57, 0.784_07]]
            }
            Self::AdobeRgb => {
                [[0.609_74, 0.311_11, 0.019_47], [0.205_28, 0.625_67, 0.060_87], [0.149_19, 0.063_22, 0.744_57]]
            }
        }
    }

    fn curve(self) -> Vec<u8> {
        let parameters: &[f64] = match self {
            Self::AdobeRgb => &[563.0 / 256.0],
            _ => &[2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.040_45],
        };
        let kind: u16 = if parameters.len() == 1 { 0 } else { 3 };
        let mut out = b"para\0\0\0\0".to_vec();
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        parameters.iter().for_each(|value| out.extend_from_slice(&fixed(*value)));
        out
    }
}

fn xyz(values: [f64; 3]) -> Vec<u8> {
    let mut out = b"XYZ \0\0\0\0".to_vec();
    values.iter().for_each(|value| out.extend_from_slice(&fixed(*value)));
    out
}

/// Fixed point, 16 bits after the point.
fn fixed(value: f64) -> [u8; 4] {
    ((value * 65_536.0).round() as i32).to_be_bytes()
}

fn text(words: &str) -> Vec<u8> {
    let mut out = b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0cenUS".to_vec();
    out.extend_from_slice(&(words.len() as u32 * 2).to_be_bytes());
    out.extend_from_slice(&28u32.to_be_bytes());
    words.encode_utf16().for_each(|unit| out.extend_from_slice(&unit.to_be_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use super::IccProfile;

    #[test]
    fn sizes_and_white_add_up() {
        for profile in [IccProfile::Srgb, IccProfile::DisplayP3, IccProfile::AdobeRgb] {
            let bytes = profile.bytes();
            assert_eq!(bytes[..4], (bytes.len() as u32).to_be_bytes());
            // The primaries of an RGB space sum up to its white point.
            for (axis, white) in [0.964_2, 1.0, 0.824_9].into_iter().enumerate() {
                let sum: f64 = profile.primaries().iter().map(|p| p[axis]).sum();
                assert!((sum - white).abs() < 0.001, "{profile:?} {axis} {sum}");
            }
        }
    }
}
