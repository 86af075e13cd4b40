//! Colours lie where they belong.

use crate::small;
use crate::support::{normalize, pixels};
use sealpress_testkit::{Jpeg, Rgb, Sampling, scene};

/// A floor for the whole picture lets colours lie a sample beside their places: they must fit better where they are than
/// anywhere around.
#[test]
fn colours_lie_where_they_belong() {
    // How red and how blue, against what is wanted so far to the right and below.
    let off = |got: &Rgb, want: &Rgb, dx: i32, dy: i32| {
        let tint = |picture: &Rgb, x: i32, y: i32| {
            let at = 3 * (y as usize * picture.width as usize + x as usize);
            let [r, g, b] = [0, 1, 2].map(|i| i32::from(picture.data[at + i]));
            [r - g, b - g]
        };
        let (width, height) = (got.width as i32, got.height as i32);
        let places = (2..height - 2).flat_map(|y| (2..width - 2).map(move |x| (x, y)));
        let differences = places.map(|(x, y)| {
            let (a, b) = (tint(got, x, y), tint(want, x + dx, y + dy));
            i64::from((a[0] - b[0]).abs() + (a[1] - b[1]).abs())
        });
        differences.sum::<i64>()
    };
    for (width, height) in [(833, 625), (1601, 1203)] {
        let picture = scene(u64::from(width), width, height);
        for sampling in [Sampling::S420, Sampling::S422, Sampling::S444, Sampling::S440] {
            let file = Jpeg::new(&picture).quality(95).sampling(sampling).encode();
            let full = turbojpeg::decompress(&file, turbojpeg::PixelFormat::RGB).expect("a JPEG");
            let full = Rgb::new(width, height, full.pixels);
            let got = pixels(normalize(small().with_quality(95, 95), file).media());
            let want = full.shrunk(got.width, got.height);
            let here = off(&got, &want, 0, 0);
            for (right, down) in [(1, 0), (0, 1)] {
                let (one, other) = (off(&got, &want, right, down), off(&got, &want, -right, -down));
                let what =
                    format!("{sampling:?} {width}×{height}: {here} here, {one} and {other} at ±({right}, {down})");
                assert!(5 * here < 4 * one.min(other), "{what}");
                // A part of a sample to either side shows in these.
                assert!(one.abs_diff(other) * 33 < one.unsigned_abs(), "{what}");
            }
        }
    }
}
