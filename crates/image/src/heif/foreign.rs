//! The machine's libheif, for what our own reader refuses: AVIF, uncompressed pictures, rare ways of deriving one from
//! others. The one file that names it; what it gives is upright already.
//!
//! It is C++ with C libraries behind it, on hostile input, so that it works in a process that has locked itself down and
//! in no other. That is not believed but tried: in such a process the kernel does not even answer how it is locked.

use libheif_rs::{
    ColorProfileNCLX, ColorSpace, HeifContext, HeifError, HeifErrorCode, ImageHandle, LibHeif, RgbChroma,
};
use sealpress_media::Dimensions;

use super::sps::Colour;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// What libheif holds for each pixel at its peak: planes of the decoder and of its own, and RGBA.
const PER_PIXEL: u64 = 16;

/// Bytes of a decode.
pub(crate) fn memory(size: Dimensions) -> u64 {
    size.pixels() * PER_PIXEL + (4 << 20)
}

/// Has libheif find its decoders while there is a file system.
pub(crate) fn preload() {
    // Its tables are counted: this one keeps them for as long as the process lives.
    std::mem::forget(LibHeif::new());
}

/// What the samples mean.
#[derive(Debug, Default)]
pub(crate) struct Meaning {
    pub(crate) icc: Option<Vec<u8>>,
    /// Primaries and transfer by number; the matrix was applied.
    pub(crate) colour: Option<Colour>,
}

/// Decodes the primary picture, which has this size, and hands over its rows of RGBA from top to bottom.
///
/// # Errors
/// `unsupported-feature` outside of a locked-down process and for what libheif has no decoder for; `corrupt` for
/// damage, `too-large` beyond the limits.
pub(crate) fn read(
    file: &[u8],
    size: Dimensions,
    limits: &Limits,
    push: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<Meaning, Error> {
    if !is_locked_down() {
        return Err(Error::unsupported_feature("libheif is used in locked-down worker processes only"));
    }
    limits.memory(memory(size))?;
    let mut context = HeifContext::read_from_bytes(file).map_err(failure)?;
    // No threads of its own for the tiles of a grid.
    context.set_max_decoding_threads(0);
    let handle = context.primary_image_handle().map_err(failure)?;
    if (handle.width(), handle.height()) != (size.width(), size.height()) {
        return Err(Error::corrupt("a HEIF picture of another size than its file says"));
    }
    let image = LibHeif::new().decode(&handle, ColorSpace::Rgb(RgbChroma::Rgba), None).map_err(failure)?;
    let plane = image.planes().interleaved.ok_or_else(|| Error::internal("a libheif picture without its pixels"))?;
    if (plane.width, plane.height) != (size.width(), size.height()) {
        return Err(Error::corrupt("a HEIF picture of another size than its file says"));
    }
    let row = size.width() as usize * 4;
    for y in 0..size.height() as usize {
        let start = y * plane.stride;
        let row = plane.data.get(start..start + row);
        push(row.ok_or_else(|| Error::internal("libheif described its own memory wrongly"))?)?;
    }
    Ok(meaning(&handle))
}

fn meaning(handle: &ImageHandle) -> Meaning {
    let colour = |nclx: ColorProfileNCLX| Colour {
        primaries: nclx.color_primaries() as u16,
        transfer: nclx.transfer_characteristics() as u16,
        matrix: 0,
        full_range: true,
    };
    Meaning {
        icc: handle.color_profile_raw().map(|profile| profile.data).filter(|data| !data.is_empty()),
        colour: handle.color_profile_nclx().map(colour),
    }
}

/// Whether this process may no longer ask what it may do: the lock of a worker leaves it no `prctl`.
fn is_locked_down() -> bool {
    rustix::thread::secure_computing_mode() == Err(rustix::io::Errno::PERM)
}

fn failure(error: HeifError) -> Error {
    let (kind, detail) = match error.code {
        HeifErrorCode::UnsupportedFeature | HeifErrorCode::UnsupportedFileType => {
            (ErrorKind::UnsupportedFeature, "a HEIF picture that libheif does not decode either")
        }
        HeifErrorCode::MemoryAllocationError => (ErrorKind::TooLarge, "libheif needs more memory than there is"),
        _ => (ErrorKind::Corrupt, "a HEIF picture that libheif finds damaged"),
    };
    Error::with_source(kind, detail, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_not_locked_down_is_refused() {
        let limits = Limits { max_pixels: 1 << 20, max_memory: 1 << 30, max_scans: 1 };
        let size = Dimensions::new(16, 16).unwrap();
        let refused = read(b"\0\0\0\x0cftypavif", size, &limits, &mut |_| Ok(())).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::UnsupportedFeature);
        assert!(refused.to_string().contains("worker"), "{refused}");
    }
}
