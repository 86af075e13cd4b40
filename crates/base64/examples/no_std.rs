//! The crate without the standard library. `cargo xtask ci` builds this with `--no-default-features`:
//! the panic handler below would be the second one if anything in the graph brought std.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

use alloc::string::String;

use sealpress_base64::{DataUri, Encoder, Error, Fused, Kernel, encode_to_slice};

#[cfg(not(feature = "std"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// A data URI, made in pieces into memory of the heap.
///
/// # Errors
/// Where the media type is none.
pub fn in_pieces(mime: &str, pieces: &[&[u8]]) -> Result<String, Error> {
    let mut text = DataUri::new(mime)?.encode(&[]);
    let mut encoder = Encoder::with_kernel(Kernel::best());
    pieces.iter().for_each(|piece| encoder.push(piece, &mut text));
    encoder.finish(&mut text);
    Ok(text)
}

/// Text and hash where the heap is not wanted.
pub fn onto_the_stack<'d>(bytes: &[u8], text: &'d mut [u8], state: &mut [u32; 8]) -> Option<&'d mut [u8]> {
    if let Some(fused) = Fused::new() {
        let _ = fused.hash(state, bytes, 0);
    }
    encode_to_slice(bytes, text)
}
