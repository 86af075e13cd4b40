//! The doors of libjpeg-turbo's TurboJPEG API that the safe crate does not have: planes in, planes
//! out, limits on scans and memory, and the text of warnings. The only file that names
//! `turbojpeg_sys`.
//!
//! Every pointer handed to C here is to a slice whose length was checked against what the same
//! library says it will write. TurboJPEG never keeps a pointer after a call returns, and it leaves
//! its functions by `return`, never by a jump through Rust frames: no callback of ours is called.

use std::ffi::{CStr, c_int, c_void};
use std::ptr::{self, NonNull};

use turbojpeg_sys as sys;

use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::planes::Plane;

/// How far the inverse DCT shrinks while decoding: both sides become `⌈side × fraction⌉`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shrink {
    /// Full size.
    One,
    /// Five eighths: an inverse DCT of five points.
    FiveEighths,
    /// Half.
    Two,
    /// A quarter.
    Four,
    /// An eighth.
    Eight,
}

impl Shrink {
    /// Numerator and denominator, reduced.
    const fn fraction(self) -> (u32, u32) {
        match self {
            Self::One => (1, 1),
            Self::FiveEighths => (5, 8),
            Self::Two => (1, 2),
            Self::Four => (1, 4),
            Self::Eight => (1, 8),
        }
    }

    /// What a side, or a number of samples in a row, becomes.
    pub(crate) const fn of(self, side: u32) -> u32 {
        let (n, d) = self.fraction();
        (side as u64 * n as u64).div_ceil(d as u64) as u32
    }

    /// Samples of the full decode for one of what comes out.
    pub(crate) fn factor(self) -> f64 {
        let (n, d) = self.fraction();
        f64::from(d) / f64::from(n)
    }

    /// How many samples of the full decode each one is the mean of; 1 where it is none.
    pub(crate) const fn means(self) -> u32 {
        let (n, d) = self.fraction();
        if n == 1 { d } else { 1 }
    }
}

/// Chroma sampling as TurboJPEG names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Sampling {
    S444,
    S422,
    S420,
    Gray,
    S440,
    S411,
    S441,
}

impl Sampling {
    const fn from_c(n: c_int) -> Option<Self> {
        Some(match n {
            sys::TJSAMP_TJSAMP_444 => Self::S444,
            sys::TJSAMP_TJSAMP_422 => Self::S422,
            sys::TJSAMP_TJSAMP_420 => Self::S420,
            sys::TJSAMP_TJSAMP_GRAY => Self::Gray,
            sys::TJSAMP_TJSAMP_440 => Self::S440,
            sys::TJSAMP_TJSAMP_411 => Self::S411,
            sys::TJSAMP_TJSAMP_441 => Self::S441,
            _ => return None,
        })
    }

    const fn to_c(self) -> c_int {
        match self {
            Self::S444 => sys::TJSAMP_TJSAMP_444,
            Self::S422 => sys::TJSAMP_TJSAMP_422,
            Self::S420 => sys::TJSAMP_TJSAMP_420,
            Self::Gray => sys::TJSAMP_TJSAMP_GRAY,
            Self::S440 => sys::TJSAMP_TJSAMP_440,
            Self::S411 => sys::TJSAMP_TJSAMP_411,
            Self::S441 => sys::TJSAMP_TJSAMP_441,
        }
    }

    /// Luma samples per chroma sample, across and down.
    pub(crate) const fn factors(self) -> (u8, u8) {
        match self {
            Self::S444 | Self::Gray => (1, 1),
            Self::S422 => (2, 1),
            Self::S420 => (2, 2),
            Self::S440 => (1, 2),
            Self::S411 => (4, 1),
            Self::S441 => (1, 4),
        }
    }

    /// Number of planes.
    pub(crate) const fn planes(self) -> usize {
        if matches!(self, Self::Gray) { 1 } else { 3 }
    }
}

/// Colour space of the coded components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Rgb,
    YCbCr,
    Gray,
    Cmyk,
    Ycck,
}

/// What libjpeg-turbo makes of a header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// `None` for factors that TurboJPEG has no name for: those take the packed path.
    pub(crate) sampling: Option<Sampling>,
    pub(crate) colour: Colour,
    /// Bits per sample.
    pub(crate) precision: u8,
    pub(crate) lossless: bool,
}

/// Interleaved pixels, as asked of the decoder or handed to the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packed {
    Gray,
    Rgb,
    Cmyk,
}

impl Packed {
    const fn to_c(self) -> c_int {
        match self {
            Self::Gray => sys::TJPF_TJPF_GRAY,
            Self::Rgb => sys::TJPF_TJPF_RGB,
            Self::Cmyk => sys::TJPF_TJPF_CMYK,
        }
    }

    pub(crate) const fn samples(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// How the texts of libjpeg's warnings begin (its `jerror.h`); all others are errors.
const WARNINGS: [&str; 7] = [
    "Corrupt JPEG data",
    "Premature end of JPEG file",
    "Inconsistent progression sequence",
    "Invalid SOS parameters",
    "Unknown Adobe color transform",
    "Warning: unknown JFIF",
    "Application transferred too many scanlines",
];

/// A TurboJPEG instance. It has one owner at a time and no ties to a thread.
struct Handle(NonNull<c_void>);

// SAFETY: an instance is plain heap memory; its error text is kept per thread only for calls made
// without an instance.
unsafe impl Send for Handle {}

impl Handle {
    fn new(kind: sys::TJINIT) -> Result<Self, Error> {
        // SAFETY: takes a number, gives null or an instance that is ours to destroy.
        let raw = unsafe { sys::tj3Init(kind as c_int) };
        NonNull::new(raw).map(Self).ok_or_else(|| Error::internal("libjpeg-turbo gave no instance"))
    }

    const fn raw(&self) -> sys::tjhandle {
        self.0.as_ptr()
    }

    fn set(&mut self, param: sys::TJPARAM, value: c_int) -> Result<(), Error> {
        // SAFETY: the instance is alive; parameters are judged by the library.
        let status = unsafe { sys::tj3Set(self.raw(), param as c_int, value) };
        if status == 0 { Ok(()) } else { Err(self.failure(ErrorKind::Internal)) }
    }

    fn get(&self, param: sys::TJPARAM) -> c_int {
        // SAFETY: the instance is alive; unknown parameters give -1.
        unsafe { sys::tj3Get(self.raw(), param as c_int) }
    }

    fn message(&self) -> String {
        // SAFETY: the instance is alive.
        let text = unsafe { sys::tj3GetErrorStr(self.raw()) };
        if text.is_null() {
            return String::from("no message");
        }
        // SAFETY: not null, and the library terminates its messages; copied before the next call.
        let text = unsafe { CStr::from_ptr(text) };
        text.to_string_lossy().into_owned()
    }

    fn failure(&self, kind: ErrorKind) -> Error {
        Error::new(kind, format!("libjpeg-turbo: {}", self.message()))
    }

    /// The result of a decode: fine, decoded with a complaint, or failed.
    fn outcome(&self, status: c_int) -> Result<Option<String>, Error> {
        if status == 0 {
            return Ok(None);
        }
        // SAFETY: the instance is alive.
        let code = unsafe { sys::tj3GetErrorCode(self.raw()) };
        let text = self.message();
        // An error behind a warning has the warning's code and its own text, and what was not decoded by then is
        // whatever the buffers held before.
        if code == sys::TJERR_TJERR_WARNING as c_int && WARNINGS.iter().any(|warning| text.contains(warning)) {
            return Ok(Some(text));
        }
        let kind = if text.contains("scans")
            || text.contains("too large")
            || text.contains("emory")
            || text.contains("acking store")
        {
            ErrorKind::TooLarge
        } else if text.contains("Unsupported") || text.contains("not supported") || text.contains("not implemented") {
            ErrorKind::UnsupportedFeature
        } else {
            ErrorKind::Corrupt
        };
        Err(Error::new(kind, format!("libjpeg-turbo: {text}")))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by tj3Init, destroyed once.
        unsafe { sys::tj3Destroy(self.raw()) }
    }
}

/// JPEG to planes or packed pixels.
///
/// The library keeps quantization and Huffman tables in its instance until others replace them: a file without its
/// own would be decoded with those of the picture before it. Each header is read with an instance that has seen
/// nothing.
pub(crate) struct Decompressor {
    handle: Handle,
}

impl Decompressor {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self { handle: Handle::new(sys::TJINIT_TJINIT_DECOMPRESS)? })
    }

    /// Reads the header and sets the limits for what follows, which is forgotten with the next header.
    pub(crate) fn header(&mut self, jpeg: &[u8], limits: &Limits) -> Result<Header, Error> {
        *self = Self::new()?;
        let h = &mut self.handle;
        // Profiles are read by our own scanner.
        h.set(sys::TJPARAM_TJPARAM_SAVEMARKERS, 0)?;
        h.set(sys::TJPARAM_TJPARAM_SCANLIMIT, c_int::try_from(limits.max_scans).unwrap_or(c_int::MAX).max(1))?;
        h.set(sys::TJPARAM_TJPARAM_MAXMEMORY, c_int::try_from(limits.max_memory >> 20).unwrap_or(c_int::MAX).max(1))?;
        h.set(sys::TJPARAM_TJPARAM_MAXPIXELS, c_int::try_from(limits.max_pixels).unwrap_or(c_int::MAX).max(1))?;
        // SAFETY: pointer and length are of one live slice; nothing of it is kept.
        let status = unsafe { sys::tj3DecompressHeader(h.raw(), jpeg.as_ptr(), jpeg.len() as sys::size_t) };
        h.outcome(status)?;
        let side = |n: c_int| {
            u32::try_from(n).ok().filter(|n| *n > 0).ok_or_else(|| Error::corrupt("a JPEG without a picture"))
        };
        let colour = match h.get(sys::TJPARAM_TJPARAM_COLORSPACE) as sys::TJCS {
            sys::TJCS_TJCS_RGB => Colour::Rgb,
            sys::TJCS_TJCS_YCbCr => Colour::YCbCr,
            sys::TJCS_TJCS_GRAY => Colour::Gray,
            sys::TJCS_TJCS_CMYK => Colour::Cmyk,
            sys::TJCS_TJCS_YCCK => Colour::Ycck,
            _ => return Err(Error::unsupported_feature("a JPEG of unknown colour space")),
        };
        Ok(Header {
            width: side(h.get(sys::TJPARAM_TJPARAM_JPEGWIDTH))?,
            height: side(h.get(sys::TJPARAM_TJPARAM_JPEGHEIGHT))?,
            sampling: Sampling::from_c(h.get(sys::TJPARAM_TJPARAM_SUBSAMP)),
            colour,
            precision: u8::try_from(h.get(sys::TJPARAM_TJPARAM_PRECISION)).unwrap_or(0),
            lossless: h.get(sys::TJPARAM_TJPARAM_LOSSLESS) == 1,
        })
    }

    /// Decodes into planes of the coded sampling, without colour conversion. `make` gives a buffer
    /// of at least the asked length for each plane. The text is the decoder's first complaint.
    ///
    /// `header` must come from [`Self::header`] on the same bytes, with a named sampling.
    pub(crate) fn planes(
        &mut self,
        jpeg: &[u8],
        header: &Header,
        shrink: Shrink,
        make: &mut dyn FnMut(usize) -> Vec<u8>,
    ) -> Result<(Vec<Plane>, Option<String>), Error> {
        let sampling = header.sampling.ok_or_else(|| Error::internal("planes of a sampling without a name"))?;
        self.shrink(shrink)?;
        let (width, height) = shrunk(header, shrink)?;
        let mut planes = Vec::with_capacity(3);
        for component in 0..sampling.planes() {
            let component = component as c_int;
            // SAFETY: arithmetic only.
            let w = unsafe { sys::tj3YUVPlaneWidth(component, width, sampling.to_c()) };
            // SAFETY: arithmetic only.
            let h = unsafe { sys::tj3YUVPlaneHeight(component, height, sampling.to_c()) };
            let (Ok(w), Ok(h)) = (usize::try_from(w), usize::try_from(h)) else {
                return Err(Error::internal("libjpeg-turbo gave no plane size"));
            };
            let len = w.checked_mul(h).filter(|n| *n > 0).ok_or_else(|| Error::too_large("a plane beyond memory"))?;
            let data = make(len);
            assert!(data.len() >= len, "the buffer pool keeps its word");
            planes.push(Plane { data, width: w, height: h, stride: w });
        }
        let mut pointers = [ptr::null_mut::<u8>(); 3];
        let mut strides = [0 as c_int; 3];
        for (i, plane) in planes.iter_mut().enumerate() {
            pointers[i] = plane.data.as_mut_ptr();
            strides[i] = c_int::try_from(plane.stride).map_err(|_| Error::too_large("a plane beyond memory"))?;
        }
        // SAFETY: each plane has stride times height bytes for exactly the size that the library
        // derives from the same header, scaling factor and sampling; all were checked above. The
        // header is read again inside from the same bytes.
        let status = unsafe {
            sys::tj3DecompressToYUVPlanes8(
                self.handle.raw(),
                jpeg.as_ptr(),
                jpeg.len() as sys::size_t,
                pointers.as_mut_ptr(),
                strides.as_mut_ptr(),
            )
        };
        let complaint = self.handle.outcome(status)?;
        Ok((planes, complaint))
    }

    /// Decodes into interleaved pixels, chroma upsampled; `out` has `⌈w/n⌉ × ⌈h/n⌉` pixels.
    pub(crate) fn packed(
        &mut self,
        jpeg: &[u8],
        header: &Header,
        shrink: Shrink,
        format: Packed,
        out: &mut [u8],
    ) -> Result<Option<String>, Error> {
        self.shrink(shrink)?;
        let (width, height) = shrunk(header, shrink)?;
        let pitch = width as usize * format.samples();
        let len = pitch.checked_mul(height as usize).ok_or_else(|| Error::too_large("a picture beyond memory"))?;
        assert!(out.len() >= len, "the buffer holds the picture");
        let pitch = c_int::try_from(pitch).map_err(|_| Error::too_large("a row beyond memory"))?;
        // SAFETY: `out` has pitch times height bytes, checked above, for the size that the library
        // derives from the same header and scaling factor.
        let status = unsafe {
            sys::tj3Decompress8(
                self.handle.raw(),
                jpeg.as_ptr(),
                jpeg.len() as sys::size_t,
                out.as_mut_ptr(),
                pitch,
                format.to_c(),
            )
        };
        self.handle.outcome(status)
    }

    fn shrink(&mut self, shrink: Shrink) -> Result<(), Error> {
        let (num, denom) = shrink.fraction();
        let factor = sys::tjscalingfactor { num: num as c_int, denom: denom as c_int };
        // SAFETY: the instance is alive; the fraction is judged by the library.
        let status = unsafe { sys::tj3SetScalingFactor(self.handle.raw(), factor) };
        // A refused factor would leave the old one in force, and buffers sized for another.
        if status == 0 { Ok(()) } else { Err(self.handle.failure(ErrorKind::Internal)) }
    }
}

fn shrunk(header: &Header, shrink: Shrink) -> Result<(c_int, c_int), Error> {
    let side = |n: u32| c_int::try_from(shrink.of(n)).map_err(|_| Error::too_large("a side beyond memory"));
    Ok((side(header.width)?, side(header.height)?))
}

/// Packed RGB to planes. Never used for encoding: behind a grey picture, an instance that encoded it
/// converts luma only and leaves chroma as it was in the buffer (libjpeg-turbo 3.1).
pub(crate) struct Compressor {
    handle: Handle,
}

impl Compressor {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self { handle: Handle::new(sys::TJINIT_TJINIT_COMPRESS)? })
    }

    /// Converts `height` rows of packed RGB into 4:4:4 or 4:2:0 planes; `height` is even for 4:2:0
    /// except at the bottom of the picture. Chroma of 4:2:0 is the mean of each 2 × 2 pixels.
    pub(crate) fn convert(
        &mut self,
        rgb: &[u8],
        (width, height): (usize, usize),
        sampling: Sampling,
        planes: [&mut [u8]; 3],
        strides: [usize; 3],
    ) -> Result<(), Error> {
        let (Ok(w), Ok(h), Ok(pitch)) = (c_int::try_from(width), c_int::try_from(height), c_int::try_from(width * 3))
        else {
            return Err(Error::internal("a picture beyond JPEG"));
        };
        assert!(rgb.len() >= width * 3 * height, "the pixels are there");
        let mut pointers = [ptr::null_mut::<u8>(); 3];
        let mut c_strides = [0 as c_int; 3];
        for (i, plane) in planes.into_iter().enumerate() {
            // SAFETY: arithmetic only.
            let need_w = unsafe { sys::tj3YUVPlaneWidth(i as c_int, w, sampling.to_c()) };
            // SAFETY: arithmetic only.
            let need_h = unsafe { sys::tj3YUVPlaneHeight(i as c_int, h, sampling.to_c()) };
            let (need_w, need_h) =
                (usize::try_from(need_w).unwrap_or(usize::MAX), usize::try_from(need_h).unwrap_or(usize::MAX));
            assert!(
                strides[i] >= need_w && plane.len() >= strides[i] * (need_h - 1) + need_w,
                "plane {i} holds its rows"
            );
            pointers[i] = plane.as_mut_ptr();
            c_strides[i] = c_int::try_from(strides[i]).map_err(|_| Error::internal("a row beyond JPEG"))?;
        }
        self.handle.set(sys::TJPARAM_TJPARAM_SUBSAMP, sampling.to_c())?;
        // SAFETY: source and planes cover what is read and written, checked above.
        let status = unsafe {
            sys::tj3EncodeYUVPlanes8(
                self.handle.raw(),
                rgb.as_ptr(),
                w,
                pitch,
                h,
                sys::TJPF_TJPF_RGB,
                pointers.as_mut_ptr(),
                c_strides.as_mut_ptr(),
            )
        };
        if status == 0 { Ok(()) } else { Err(self.handle.failure(ErrorKind::Internal)) }
    }
}
