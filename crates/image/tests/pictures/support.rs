//! Decoding what came out, by ways that share nothing with the normalizer's planes.

use sealpress_image::{Normalized, Normalizer, Policy};
use sealpress_media::{Format, Media};
use sealpress_testkit::Rgb;

/// Sniffs and normalizes, or panics with the reason.
pub(crate) fn normalize(policy: Policy, bytes: Vec<u8>) -> Normalized {
    let media = Media::sniff(bytes).expect("a picture");
    Normalizer::new(policy).normalize(&media).expect("a sound picture")
}

/// The kind of error that a file gives.
pub(crate) fn refusal(policy: Policy, bytes: Vec<u8>) -> &'static str {
    let media = match Media::sniff(bytes) {
        Ok(media) => media,
        Err(e) => return e.kind().as_str(),
    };
    match Normalizer::new(policy).normalize(&media) {
        Ok(done) => panic!("normalized: {:?}", done.report().actions),
        Err(e) => e.kind().as_str(),
    }
}

/// Names of what was done.
pub(crate) fn actions(done: &Normalized) -> Vec<&'static str> {
    done.report().actions.iter().map(|a| a.name()).collect()
}

/// Names of what was warned of.
pub(crate) fn warnings(done: &Normalized) -> Vec<&'static str> {
    done.report().warnings.iter().map(|w| w.name()).collect()
}

/// The pixels of a JPEG or PNG, alpha on white.
/// What the png crate sees in a PNG of any kind, laid on white.
pub(crate) fn on_white(file: &[u8]) -> Rgb {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut data = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut data).expect("a frame");
    let over = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        u8::try_from((value * alpha + 255 * (255 - alpha) + 127) / 255).expect("a mean of bytes")
    };
    let data = data.chunks_exact(info.color_type.samples()).flat_map(|pixel| match *pixel {
        [grey, alpha] => [over(grey, alpha); 3],
        [red, green, blue, alpha] => [red, green, blue].map(|value| over(value, alpha)),
        _ => panic!("{:?} came out", info.color_type),
    });
    Rgb::new(info.width, info.height, data.collect())
}

pub(crate) fn pixels(media: &Media) -> Rgb {
    match media.format() {
        Format::Jpeg => {
            let image = turbojpeg::decompress(media.bytes(), turbojpeg::PixelFormat::RGB).expect("a JPEG");
            assert_eq!(image.pitch, image.width * 3);
            Rgb::new(image.width as u32, image.height as u32, image.pixels)
        }
        Format::Png => {
            let mut decoder = png::Decoder::new(std::io::Cursor::new(media.bytes()));
            decoder.set_transformations(png::Transformations::normalize_to_color8());
            let mut reader = decoder.read_info().expect("a PNG");
            let mut data = vec![0; reader.output_buffer_size().expect("a size")];
            let info = reader.next_frame(&mut data).expect("a frame");
            let data = match info.color_type {
                png::ColorType::Rgb => data,
                png::ColorType::Grayscale => data.iter().flat_map(|v| [*v; 3]).collect(),
                other => panic!("{other:?} came out"),
            };
            Rgb::new(info.width, info.height, data)
        }
        Format::WebP => {
            let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(media.bytes())).expect("a WebP");
            assert!(!decoder.has_alpha());
            let mut data = vec![0; decoder.output_buffer_size().expect("a size")];
            decoder.read_image(&mut data).expect("a picture");
            let (width, height) = decoder.dimensions();
            Rgb::new(width, height, data)
        }
        other => panic!("{other} came out"),
    }
}
