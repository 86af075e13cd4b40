//! How much memory a trim may take, judged on the bytes of the file: dictionaries of images are never packed,
//! so their sizes can be read without opening anything.

use bytes::Bytes;
use memchr::memmem;

use crate::policy::Policy;
use crate::source::is_well_formed;

/// Code, tables, the interpreter, fonts, and the content of one page.
const WORKING_BYTES: u64 = 40 << 20;

/// Of one pixel while an image is decoded, drawn small and compared: four bytes of colour, what its codec makes of it, and room.
const BYTES_A_PIXEL: u64 = 10;

/// The same of JPEG 2000, whose decoder computes in floats.
const BYTES_A_WAVELET: u64 = 34;

/// Pixels of one image that anybody decodes.
const MAX_PIXELS: u64 = 100_000_000;

/// What is assumed of an image whose size is another object.
const USUAL_PIXELS: u64 = 25_000_000;

/// Bytes around a width in which its height and filter stand.
const REACH: usize = 512;

/// Bytes of memory, the file itself and the output included.
pub(crate) fn estimate(file: &Bytes, policy: &Policy) -> u64 {
    let length = file.len() as u64;
    // The file, the pages as they are written to be looked at (in the worst case the whole file), and the
    // output. Streams are shared with the file, unless they are encrypted or their reader copies them.
    let copies = if is_well_formed(file) { 2 } else { 4 };
    let output = length.min(policy.max_bytes);
    WORKING_BYTES + copies * length + output + largest_image(file)
}

/// Bytes of memory for a TIFF, reading one page of which takes so many: the page, the page deflated twice while it is
/// looked at, the picture that its image is judged by, and the output twice.
pub(crate) fn of_scan(page: u64, policy: &Policy) -> u64 {
    WORKING_BYTES + 3 * page + 2 * policy.max_bytes.min(page.saturating_mul(u64::from(policy.max_pages)))
}

/// What the most expensive image takes.
fn largest_image(file: &[u8]) -> u64 {
    // Fonts have `/Widths`.
    let widths = memmem::find_iter(file, b"/Width").filter(|at| !file[at + 6..].starts_with(b"s"));
    let costs = widths.map(|at| {
        let start = at.saturating_sub(REACH);
        let near = &file[start..file.len().min(at + REACH)];
        let width = number(&file[at + 6..]);
        let height = memmem::find(&near[at - start..], b"/Height")
            .map(|ahead| at - start + ahead)
            .or_else(|| memmem::rfind(near, b"/Height"))
            .and_then(|height| number(&near[height + 7..]));
        let pixels = match (width, height) {
            (Some(width), Some(height)) => width.saturating_mul(height).min(MAX_PIXELS),
            _ => USUAL_PIXELS,
        };
        let wavelet = memmem::find(near, b"JPXDecode").is_some();
        pixels * if wavelet { BYTES_A_WAVELET } else { BYTES_A_PIXEL }
    });
    costs.max().unwrap_or(0)
}

/// The number that comes next, unless it is a reference.
fn number(text: &[u8]) -> Option<u64> {
    let blanks = text.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let text = &text[blanks..text.len().min(blanks + 32)];
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let is_reference = matches!(text.get(digits..), Some([b' ', next, ..]) if next.is_ascii_digit());
    if is_reference {
        return None;
    }
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_seen_wherever_their_sizes_stand() {
        let of = |text: &str| largest_image(text.as_bytes());
        assert_eq!(of("<</Width 100/Height 50>>"), 5_000 * BYTES_A_PIXEL);
        assert_eq!(of("<</Height 50/BitsPerComponent 8/Width\n100>>"), 5_000 * BYTES_A_PIXEL);
        assert_eq!(of("<</Width 9/Height 9>> <</Width 100 /Height 50>>"), 5_000 * BYTES_A_PIXEL);
        assert_eq!(of("<</Filter/JPXDecode/Width 100/Height 50>>"), 5_000 * BYTES_A_WAVELET);
        assert_eq!(of("<</Width 7 0 R/Height 50>>"), USUAL_PIXELS * BYTES_A_PIXEL);
        assert_eq!(of("<</FirstChar 1/Widths 9 0 R/Height 50>>"), 0);
        assert_eq!(of("no image"), 0);
    }
}
