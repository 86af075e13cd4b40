//! What one picture may cost.

use sealpress_media::Dimensions;

use crate::error::Error;

/// What one picture may cost, judged on its header before anything is allocated for it. Made from
/// the policy; every decoder takes it by reference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Pixels of the picture as stored.
    pub(crate) max_pixels: u64,
    /// Bytes that one decode may hold at a time, its own output included, the input file not.
    pub(crate) max_memory: u64,
    /// Scans of a progressive JPEG.
    pub(crate) max_scans: u32,
}

impl Limits {
    /// The dimensions, if both sides are at least one and the area is within the limit.
    pub(crate) fn dimensions(&self, width: u32, height: u32) -> Result<Dimensions, Error> {
        let dimensions = Dimensions::new(width, height)
            .map_err(|e| Error::with_source(crate::ErrorKind::Corrupt, "a side of zero pixels", e))?;
        if dimensions.pixels() > self.max_pixels {
            return Err(Error::too_large(format!(
                "{dimensions} is {} pixels, the limit is {}",
                dimensions.pixels(),
                self.max_pixels
            )));
        }
        Ok(dimensions)
    }

    /// Whether a decode that is going to hold `bytes` bytes may start.
    pub(crate) fn memory(&self, bytes: u64) -> Result<(), Error> {
        if bytes > self.max_memory {
            return Err(Error::too_large(format!("decoding needs {bytes} bytes, the limit is {}", self.max_memory)));
        }
        Ok(())
    }
}
