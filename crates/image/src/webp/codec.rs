//! libwebp's decoder. The only file that names `libwebp_sys`.
//!
//! All functions hand libwebp buffers of ours together with their sizes and strides; libwebp
//! checks them against the size that it finds in the bitstream and refuses where they are too
//! small, and so does this file before the call. Nothing is kept after a call returns.

use libwebp_sys as sys;

use crate::ending::Ending;
use crate::error::{Error, ErrorKind};
use crate::planes::Plane;

/// Decodes a lossy picture into video-range 4:2:0 planes, alpha into the fourth. The planes have the size that the
/// bitstream's header gives. Nobody but tests and fuzzers asks for it, as the judge of our own decoder.
pub(crate) fn planes(
    data: &[u8],
    width: u32,
    height: u32,
    out: &mut [Plane; 3],
    alpha: Option<&mut Plane>,
) -> Result<(), Error> {
    let mut config = config()?;
    let (w, h) = (width as usize, height as usize);
    let [y, u, v] = out;
    for (plane, (pw, ph)) in
        [(&*y, (w, h)), (&*u, (w.div_ceil(2), h.div_ceil(2))), (&*v, (w.div_ceil(2), h.div_ceil(2)))]
    {
        fits(plane, pw, ph)?;
    }
    let mut buffer = sys::WebPYUVABuffer {
        y: y.data.as_mut_ptr(),
        u: u.data.as_mut_ptr(),
        v: v.data.as_mut_ptr(),
        a: std::ptr::null_mut(),
        y_stride: stride(y)?,
        u_stride: stride(u)?,
        v_stride: stride(v)?,
        a_stride: 0,
        y_size: y.data.len(),
        u_size: u.data.len(),
        v_size: v.data.len(),
        a_size: 0,
    };
    config.output.colorspace = sys::WEBP_CSP_MODE::MODE_YUV;
    if let Some(alpha) = alpha {
        fits(alpha, w, h)?;
        buffer.a = alpha.data.as_mut_ptr();
        buffer.a_stride = stride(alpha)?;
        buffer.a_size = alpha.data.len();
        config.output.colorspace = sys::WEBP_CSP_MODE::MODE_YUVA;
    }
    config.output.u.YUVA = buffer;
    decode(data, width, height, config)
}

/// Decodes a lossless picture into interleaved RGBA, alpha not premultiplied, and tells whether all data were wanted.
pub(crate) fn rgba(data: &[u8], width: u32, height: u32, out: &mut [u8]) -> Result<Ending, Error> {
    let mut config = config()?;
    let pitch = width as usize * 4;
    if pitch.checked_mul(height as usize).is_none_or(|need| out.len() < need) {
        return Err(Error::internal("a WebP buffer too small"));
    }
    let stride = i32::try_from(pitch).map_err(|_| Error::too_large("a row beyond memory"))?;
    config.output.colorspace = sys::WEBP_CSP_MODE::MODE_RGBA;
    config.output.u.RGBA = sys::WebPRGBABuffer { rgba: out.as_mut_ptr(), stride, size: out.len() };
    by_steps(data, width, height, config)
}

/// Bytes that may stand behind the last bit of a lossless picture. None do but for writers that count padding.
const PADDING: usize = 1;

fn config() -> Result<sys::WebPDecoderConfig, Error> {
    sys::WebPDecoderConfig::new().map_err(|()| Error::internal("libwebp of another version"))
}

fn fits(plane: &Plane, width: usize, height: usize) -> Result<(), Error> {
    let sound = plane.width == width
        && plane.height == height
        && plane.stride >= width
        && plane.data.len() >= plane.stride.saturating_mul(height);
    if sound { Ok(()) } else { Err(Error::internal("a WebP plane of the wrong size")) }
}

fn stride(plane: &Plane) -> Result<i32, Error> {
    i32::try_from(plane.stride).map_err(|_| Error::too_large("a row beyond memory"))
}

/// Decodes all but the last bytes first: if that is the whole picture, they are no part of it.
fn by_steps(data: &[u8], width: u32, height: u32, mut config: sys::WebPDecoderConfig) -> Result<Ending, Error> {
    fill_in(&mut config, width, height);
    // SAFETY: there are no data yet; `config` stays where it is until the decoder is deleted below.
    let decoder = unsafe { sys::WebPIDecode(std::ptr::null(), 0, &mut config) };
    if decoder.is_null() {
        return Err(Error::too_large("libwebp ran out of memory"));
    }
    // SAFETY: the decoder is alive, and these bytes are of one live slice.
    let early = unsafe { sys::WebPIUpdate(decoder, data.as_ptr(), data.len().saturating_sub(1 + PADDING)) };
    let (status, ending) = match early {
        sys::VP8StatusCode::VP8_STATUS_OK => (early, Ending::Amiss),
        sys::VP8StatusCode::VP8_STATUS_SUSPENDED => {
            // SAFETY: as above; what was given before begins the same slice.
            (unsafe { sys::WebPIUpdate(decoder, data.as_ptr(), data.len()) }, Ending::Exact)
        }
        other => (other, Ending::Exact),
    };
    // SAFETY: made above, used by nobody after this.
    unsafe { sys::WebPIDelete(decoder) };
    judge(status).map(|()| ending)
}

/// `config.output` points into buffers that the callers hold borrowed for the whole call.
fn decode(data: &[u8], width: u32, height: u32, mut config: sys::WebPDecoderConfig) -> Result<(), Error> {
    fill_in(&mut config, width, height);
    // SAFETY: data and length are of one live slice; the output buffers were described with their
    // true sizes, which libwebp checks against the bitstream before it writes.
    judge(unsafe { sys::WebPDecode(data.as_ptr(), data.len(), &mut config) })
}

fn fill_in(config: &mut sys::WebPDecoderConfig, width: u32, height: u32) {
    config.output.is_external_memory = 1;
    config.output.width = width as i32;
    config.output.height = height as i32;
}

fn judge(status: sys::VP8StatusCode) -> Result<(), Error> {
    use sys::VP8StatusCode as Status;
    let (kind, text) = match status {
        Status::VP8_STATUS_OK => return Ok(()),
        Status::VP8_STATUS_NOT_ENOUGH_DATA | Status::VP8_STATUS_SUSPENDED => {
            (ErrorKind::Truncated, "picture data end early")
        }
        Status::VP8_STATUS_BITSTREAM_ERROR => (ErrorKind::Corrupt, "broken picture data"),
        Status::VP8_STATUS_UNSUPPORTED_FEATURE => (ErrorKind::UnsupportedFeature, "a WebP of a kind that is not read"),
        Status::VP8_STATUS_OUT_OF_MEMORY => (ErrorKind::TooLarge, "libwebp ran out of memory"),
        _ => (ErrorKind::Internal, "libwebp refused its parameters"),
    };
    Err(Error::new(kind, text))
}

#[cfg(test)]
pub(crate) use sys::WebPConfig as Config;

/// libwebp's encoder, for tests: `tune` sets what it is to do.
#[cfg(test)]
pub(crate) fn encoded(rgba: &[u8], width: u32, tune: impl FnOnce(&mut Config)) -> Vec<u8> {
    let mut config = Config::new().expect("libwebp of this version");
    tune(&mut config);
    let mut picture = sys::WebPPicture::new().expect("libwebp of this version");
    picture.use_argb = config.lossless;
    picture.width = width as i32;
    picture.height = (rgba.len() / (4 * width as usize)) as i32;
    let mut writer = sys::WebPMemoryWriter { mem: std::ptr::null_mut(), size: 0, max_size: 0, pad: [0] };
    picture.writer = Some(sys::WebPMemoryWrite);
    picture.custom_ptr = (&raw mut writer).cast();
    // SAFETY: the pixels are as many as the picture's sides say, four bytes each.
    assert_ne!(unsafe { sys::WebPPictureImportRGBA(&mut picture, rgba.as_ptr(), 4 * width as i32) }, 0);
    // SAFETY: the picture was filled above; its writer and what that writes to are alive.
    assert_ne!(unsafe { sys::WebPEncode(&config, &mut picture) }, 0, "{:?}", picture.error_code);
    // SAFETY: as many bytes as the writer says were written there.
    let file = unsafe { std::slice::from_raw_parts(writer.mem, writer.size) }.to_vec();
    // SAFETY: made by the calls above, used by nobody after this.
    unsafe { sys::WebPMemoryWriterClear(&mut writer) };
    // SAFETY: as above.
    unsafe { sys::WebPPictureFree(&mut picture) };
    file
}
