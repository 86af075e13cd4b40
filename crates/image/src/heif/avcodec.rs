//! libavcodec, opened at run time where the machine has it: a third faster than the decoders in
//! Rust. This is the only file that names it, and one of the few with `unsafe` code.
//!
//! It is C on hostile input, so nothing here happens unless the caller asks for native decoding,
//! which the isolated worker process does. Only what is the same in every release from 4.0 to 8 is used:
//! functions, options by name, pixel formats by name, and the first fields of `AVFrame`, which have
//! not moved since 2012. Parameter sets travel in front of the slices with start codes, so that no
//! field of `AVCodecContext` or `AVPacket` needs to be known.
//!
//! One decoder is opened per file and closed with it. Its picture buffers start zeroed, so what a
//! damaged picture leaves unwritten can only show the same file's pixels.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::OnceLock;

use libloading::Library;

use super::decoder::{Data, Frame, HevcDecoder, Samples};
use super::hvcc::{Config, is_slice, kind_and_layer, nal};
use crate::error::Error;
use crate::limits::Limits;

/// Major versions of libavcodec, newest first: FFmpeg 8, 7, 6, 5 and 4.
const MAJORS: [c_uint; 5] = [62, 61, 60, 59, 58];

/// Zero bytes that the decoder may read behind a packet (`AV_INPUT_BUFFER_PADDING_SIZE`).
const PADDING: usize = 64;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// `AV_LOG_QUIET`: a library does not write to stderr.
const LOG_QUIET: c_int = -8;

/// Opaque structures of the library.
type Context = c_void;
type Codec = c_void;
type Packet = c_void;

/// The beginning of `AVFrame`.
#[repr(C)]
struct FrameHead {
    data: [*mut u8; 8],
    linesize: [c_int; 8],
    extended_data: *mut *mut u8,
    width: c_int,
    height: c_int,
    nb_samples: c_int,
    format: c_int,
}

/// The functions in use, and the library that keeps them mapped.
struct Api {
    find_decoder_by_name: unsafe extern "C" fn(*const c_char) -> *const Codec,
    alloc_context: unsafe extern "C" fn(*const Codec) -> *mut Context,
    free_context: unsafe extern "C" fn(*mut *mut Context),
    open: unsafe extern "C" fn(*mut Context, *const Codec, *mut *mut c_void) -> c_int,
    send_packet: unsafe extern "C" fn(*mut Context, *const Packet) -> c_int,
    receive_frame: unsafe extern "C" fn(*mut Context, *mut FrameHead) -> c_int,
    flush_buffers: unsafe extern "C" fn(*mut Context),
    packet_alloc: unsafe extern "C" fn() -> *mut Packet,
    packet_free: unsafe extern "C" fn(*mut *mut Packet),
    packet_unref: unsafe extern "C" fn(*mut Packet),
    packet_from_data: unsafe extern "C" fn(*mut Packet, *mut u8, c_int) -> c_int,
    malloc: unsafe extern "C" fn(usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
    frame_alloc: unsafe extern "C" fn() -> *mut FrameHead,
    frame_free: unsafe extern "C" fn(*mut *mut FrameHead),
    frame_unref: unsafe extern "C" fn(*mut FrameHead),
    opt_set: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char, c_int) -> c_int,
    pix_fmt_name: unsafe extern "C" fn(c_int) -> *const c_char,
    _library: Library,
}

/// One open decoder.
pub(super) struct Native {
    api: &'static Api,
    context: NonNull<Context>,
    packet: NonNull<Packet>,
    frame: NonNull<FrameHead>,
}

/// Whether libavcodec with an HEVC decoder is there; opens it on the first call. A process that is
/// going to lose its file system calls this before.
pub(crate) fn available() -> bool {
    api().is_some()
}

impl Native {
    /// A decoder for one file, or `None` where the machine has no libavcodec.
    pub(super) fn open(limits: &Limits) -> Option<Result<Self, Error>> {
        Some(Self::open_with(api()?, limits))
    }

    fn open_with(api: &'static Api, limits: &Limits) -> Result<Self, Error> {
        let no_memory = || Error::internal("libavcodec has no memory left");
        // SAFETY: the argument is a C string.
        let codec = unsafe { (api.find_decoder_by_name)(c"hevc".as_ptr()) };
        // SAFETY: `codec` is null or a codec of this library; both are allowed.
        let context = unsafe { (api.alloc_context)(codec) };
        let context = NonNull::new(context).ok_or_else(no_memory)?;
        // SAFETY: no arguments.
        let packet = unsafe { (api.packet_alloc)() };
        // SAFETY: no arguments.
        let frame = unsafe { (api.frame_alloc)() };
        let (Some(packet), Some(frame)) = (NonNull::new(packet), NonNull::new(frame)) else {
            let mut context = context.as_ptr();
            // SAFETY: made by `alloc_context` above and not used any more. A packet or frame is
            // leaked here, in a process that has no memory left.
            unsafe { (api.free_context)(&raw mut context) };
            return Err(no_memory());
        };
        // From here on `Drop` frees all three.
        let native = Self { api, context, packet, frame };
        // Coded pictures may be larger than shown ones by less than a coding block at each side;
        // `units` has held the SPS to the limits before.
        let pixels = CString::new(limits.max_pixels.min(i32::MAX as u64).to_string()).map_err(|_| no_memory())?;
        let options =
            [(c"threads", c"1"), (c"max_pixels", &pixels), (c"err_detect", c"explode"), (c"apply_cropping", c"0")];
        for (name, value) in options {
            // SAFETY: `context` is alive and begins with a pointer to its option class, as every
            // AVCodecContext does; name and value are C strings.
            let set = unsafe { (api.opt_set)(context.as_ptr(), name.as_ptr(), value.as_ptr(), 0) };
            if set < 0 {
                return Err(Error::internal(format!("libavcodec refuses the option {name:?}")));
            }
        }
        // SAFETY: the context was made for this codec; no dictionary of options is given.
        let opened = unsafe { (api.open)(context.as_ptr(), codec, ptr::null_mut()) };
        if opened < 0 {
            return Err(Error::internal("libavcodec does not open its HEVC decoder"));
        }
        Ok(native)
    }

    /// Puts parameter sets and slices into the packet, each behind a start code.
    fn fill_packet(&mut self, config: &Config<'_>, units: &[&[u8]]) -> Result<(), Error> {
        let wanted = |u: &&&[u8]| is_slice(u) || matches!(kind_and_layer(u), Some((nal::VPS..=nal::PPS, _)));
        let all = || config.parameter_sets.iter().chain(units.iter().filter(wanted));
        let size: usize = all().map(|u| u.len() + START_CODE.len()).sum();
        let c_size = c_int::try_from(size).map_err(|_| Error::too_large("picture data of more than 2 GiB"))?;
        // SAFETY: any size may be asked for.
        let raw = unsafe { (self.api.malloc)(size + PADDING) }.cast::<u8>();
        let Some(buffer) = NonNull::new(raw) else {
            return Err(Error::internal("libavcodec has no memory left"));
        };
        // SAFETY: freshly allocated with this size; bytes are written before any is read.
        unsafe { ptr::write_bytes(buffer.as_ptr(), 0, size + PADDING) };
        // SAFETY: allocated with at least `size` bytes, all set, and nobody else has it yet.
        let bytes = unsafe { slice::from_raw_parts_mut(buffer.as_ptr(), size) };
        let mut rest = bytes;
        for unit in all() {
            let (code, tail) = rest.split_at_mut(START_CODE.len());
            code.copy_from_slice(&START_CODE);
            let (body, tail) = tail.split_at_mut(unit.len());
            body.copy_from_slice(unit);
            rest = tail;
        }
        // SAFETY: the packet is alive and empty (unref'd after each use); the buffer came from the
        // library's own malloc with the padding that it asks for.
        let taken = unsafe { (self.api.packet_from_data)(self.packet.as_ptr(), buffer.as_ptr(), c_size) };
        if taken < 0 {
            // SAFETY: the packet did not take the buffer, so it is still ours.
            unsafe { (self.api.free)(buffer.as_ptr().cast()) };
            return Err(Error::internal("libavcodec has no memory left"));
        }
        Ok(())
    }

    /// Sends the packet and the end of the stream, and waits for the one picture.
    fn run(&mut self) -> Result<(), Error> {
        let damaged = |_| Error::corrupt("HEVC picture data is damaged");
        let check = |code: c_int| if code < 0 { Err(code) } else { Ok(()) };
        // SAFETY: context and packet are alive.
        let sent = unsafe { (self.api.send_packet)(self.context.as_ptr(), self.packet.as_ptr()) };
        // SAFETY: the packet is alive; its buffer is released.
        unsafe { (self.api.packet_unref)(self.packet.as_ptr()) };
        check(sent).map_err(damaged)?;
        // SAFETY: the context is alive; null announces the end of the stream.
        let ended = unsafe { (self.api.send_packet)(self.context.as_ptr(), ptr::null()) };
        check(ended).map_err(damaged)?;
        // SAFETY: context and frame are alive.
        let received = unsafe { (self.api.receive_frame)(self.context.as_ptr(), self.frame.as_ptr()) };
        check(received).map_err(damaged)
    }

    /// Describes the decoded picture, checked against what the parameter set announced.
    fn view(&self, config: &Config<'_>) -> Result<Frame<'_>, Error> {
        let sps = &config.sps;
        // SAFETY: the frame is alive, and `FrameHead` describes its first fields.
        let head = unsafe { self.frame.as_ref() };
        // SAFETY: any number may be asked for.
        let name = unsafe { (self.api.pix_fmt_name)(head.format) };
        let name = match NonNull::new(name.cast_mut()) {
            // SAFETY: a static C string of the library.
            Some(name) => unsafe { CStr::from_ptr(name.as_ptr()) }.to_bytes(),
            None => b"",
        };
        let (chroma_format, depth) = match name {
            b"gray" | b"gray8" => (0, 8),
            b"gray10le" => (0, 10),
            b"gray12le" => (0, 12),
            b"yuv420p" | b"yuvj420p" => (1, 8),
            b"yuv420p10le" => (1, 10),
            b"yuv420p12le" => (1, 12),
            b"yuv422p" | b"yuvj422p" => (2, 8),
            b"yuv422p10le" => (2, 10),
            b"yuv422p12le" => (2, 12),
            b"yuv444p" | b"yuvj444p" | b"gbrp" => (3, 8),
            b"yuv444p10le" | b"gbrp10le" => (3, 10),
            b"yuv444p12le" | b"gbrp12le" => (3, 12),
            _ => return Err(Error::unsupported_feature("HEVC samples of an unusual kind")),
        };
        let coded = (sps.coded_width, sps.coded_height);
        if (u32::try_from(head.width), u32::try_from(head.height)) != (Ok(coded.0), Ok(coded.1))
            || (chroma_format, depth) != (sps.chroma_format, sps.depth)
            || sps.depth != sps.chroma_depth
        {
            return Err(Error::corrupt("an HEVC picture of another kind than its parameter set names"));
        }
        let y = self.plane(config, 0, (1, 1))?;
        let chroma = match sps.subsampling() {
            None => None,
            Some(s) => {
                let step = (u32::from(s.horizontal), u32::from(s.vertical));
                // Planar RGB is stored G, B, R: the order of Y, Cb, Cr under the identity matrix.
                Some([self.plane(config, 1, step)?, self.plane(config, 2, step)?])
            }
        };
        Ok(Frame { y, chroma })
    }

    /// One plane within the conformance window. The frame's size is that of the parameter set.
    fn plane(&self, config: &Config<'_>, index: usize, (step_x, step_y): (u32, u32)) -> Result<Samples<'_>, Error> {
        let sps = &config.sps;
        let strange = || Error::internal("libavcodec returned a plane that cannot be");
        // SAFETY: the frame is alive, and `FrameHead` describes its first fields.
        let head = unsafe { self.frame.as_ref() };
        let coded_width = sps.coded_width.div_ceil(step_x) as usize;
        let coded_height = sps.coded_height.div_ceil(step_y) as usize;
        let bytes_each = if sps.depth > 8 { 2 } else { 1 };
        let line = usize::try_from(head.linesize[index]).map_err(|_| strange())?;
        let start = head.data[index];
        if start.is_null()
            || line < coded_width * bytes_each
            || line % bytes_each != 0
            || start.addr() % bytes_each != 0
        {
            return Err(strange());
        }
        let stride = line / bytes_each;
        let length = stride * (coded_height - 1) + coded_width;
        let skip = (sps.top / step_y) as usize * stride + (sps.left / step_x) as usize;
        let data = if bytes_each == 1 {
            // SAFETY: a decoded frame has `linesize` bytes for each row of each plane and at least
            // the width in the last one; it stays untouched while `self` is borrowed.
            let all = unsafe { slice::from_raw_parts(start, length) };
            Data::U8(all.get(skip..).ok_or_else(strange)?)
        } else {
            // SAFETY: as above, with two bytes a sample; alignment was checked.
            let all = unsafe { slice::from_raw_parts(start.cast::<u16>(), length) };
            Data::U16(all.get(skip..).ok_or_else(strange)?)
        };
        Ok(Samples {
            data,
            width: sps.width.div_ceil(step_x) as usize,
            height: sps.height.div_ceil(step_y) as usize,
            stride,
            depth: sps.depth,
        })
    }
}

impl HevcDecoder for Native {
    fn decode(
        &mut self,
        config: &Config<'_>,
        units: &[&[u8]],
        _limits: &Limits,
        sink: &mut dyn FnMut(&Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.fill_packet(config, units)?;
        let done = self.run().and_then(|()| sink(&self.view(config)?));
        // SAFETY: the frame is alive; no view of it is left.
        unsafe { (self.api.frame_unref)(self.frame.as_ptr()) };
        // SAFETY: the context is open; this ends the drain so that the next picture may come.
        unsafe { (self.api.flush_buffers)(self.context.as_ptr()) };
        done
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        let (mut context, mut packet, mut frame) = (self.context.as_ptr(), self.packet.as_ptr(), self.frame.as_ptr());
        // SAFETY: made by `frame_alloc`, used by nobody after this.
        unsafe { (self.api.frame_free)(&raw mut frame) };
        // SAFETY: made by `packet_alloc`, used by nobody after this.
        unsafe { (self.api.packet_free)(&raw mut packet) };
        // SAFETY: made by `alloc_context`, used by nobody after this.
        unsafe { (self.api.free_context)(&raw mut context) };
    }
}

fn api() -> Option<&'static Api> {
    static API: OnceLock<Option<Api>> = OnceLock::new();
    API.get_or_init(load).as_ref()
}

fn load() -> Option<Api> {
    // Little-endian samples are read as they lie in memory.
    if cfg!(target_endian = "big") {
        return None;
    }
    MAJORS.into_iter().find_map(|major| {
        let name = if cfg!(target_os = "macos") {
            format!("libavcodec.{major}.dylib")
        } else if cfg!(windows) {
            format!("avcodec-{major}.dll")
        } else {
            format!("libavcodec.so.{major}")
        };
        // SAFETY: libavcodec's initializers do nothing but set up its own tables.
        let library = unsafe { Library::new(name) }.ok()?;
        resolve(library, major)
    })
}

/// The function of a name, with the type of the field that it goes to.
fn symbol<T: Copy>(library: &Library, name: &CStr) -> Option<T> {
    // SAFETY: every caller names a function whose C prototype is the Rust type that it asks for,
    // the same in all of `MAJORS`. Symbols of libavutil are found through its dependant.
    let symbol = unsafe { library.get::<T>(name.to_bytes_with_nul()) };
    symbol.ok().map(|s| *s)
}

fn resolve(library: Library, major: c_uint) -> Option<Api> {
    let version: unsafe extern "C" fn() -> c_uint = symbol(&library, c"avcodec_version")?;
    // SAFETY: no arguments.
    let found = unsafe { version() };
    if found >> 16 != major {
        return None;
    }
    let set_level: unsafe extern "C" fn(c_int) = symbol(&library, c"av_log_set_level")?;
    let api = Api {
        find_decoder_by_name: symbol(&library, c"avcodec_find_decoder_by_name")?,
        alloc_context: symbol(&library, c"avcodec_alloc_context3")?,
        free_context: symbol(&library, c"avcodec_free_context")?,
        open: symbol(&library, c"avcodec_open2")?,
        send_packet: symbol(&library, c"avcodec_send_packet")?,
        receive_frame: symbol(&library, c"avcodec_receive_frame")?,
        flush_buffers: symbol(&library, c"avcodec_flush_buffers")?,
        packet_alloc: symbol(&library, c"av_packet_alloc")?,
        packet_free: symbol(&library, c"av_packet_free")?,
        packet_unref: symbol(&library, c"av_packet_unref")?,
        packet_from_data: symbol(&library, c"av_packet_from_data")?,
        malloc: symbol(&library, c"av_malloc")?,
        free: symbol(&library, c"av_free")?,
        frame_alloc: symbol(&library, c"av_frame_alloc")?,
        frame_free: symbol(&library, c"av_frame_free")?,
        frame_unref: symbol(&library, c"av_frame_unref")?,
        opt_set: symbol(&library, c"av_opt_set")?,
        pix_fmt_name: symbol(&library, c"av_get_pix_fmt_name")?,
        _library: library,
    };
    // SAFETY: takes a number.
    unsafe { set_level(LOG_QUIET) };
    // SAFETY: the argument is a C string.
    let codec = unsafe { (api.find_decoder_by_name)(c"hevc".as_ptr()) };
    (!codec.is_null()).then_some(api)
}
