//! What a provider takes, and what a picture may cost.

use std::time::Duration;

use sealpress_media::{Dimensions, Format, Preflight};
use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::resize::Filter;

/// What a provider takes and what a picture may cost. Fields may be set directly or through the
/// `with_…` setters; what is missing in configuration has the default's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Policy {
    /// Formats that may be sent. Others are converted to JPEG, so JPEG must be among them.
    pub accepts: Vec<Format>,
    /// Most pixels per row, upright.
    pub max_width: u32,
    /// Most rows, upright.
    pub max_height: u32,
    /// Fewest pixels per row, upright.
    pub min_width: u32,
    /// Fewest rows, upright.
    pub min_height: u32,
    /// What happens to a picture below the minimum.
    pub undersized: Undersized,
    /// Most bytes of the file.
    pub max_bytes: u64,
    /// Most characters of the file in base64, without a data URI's prefix.
    pub max_base64: u64,
    /// JPEG quality, 1–100, on libjpeg's scale; at least 92 for screenshots and papers that came as PNG.
    pub quality: u8,
    /// Where the search for a quality that fits `max_bytes` ends.
    pub quality_floor: u8,
    /// Resampling kernel.
    pub filter: Filter,
    /// What shows through transparent pixels, sRGB.
    pub background: [u8; 3],
    /// EXIF with its GPS position, XMP, IPTC, comments, previews. Pictures that are decoded lose
    /// them in any case; this decides about those that pass through.
    pub metadata: Metadata,
    /// Colour profiles other than sRGB.
    pub profiles: Profiles,
    /// Pictures of which a part is missing or broken.
    pub damaged: Damaged,
    /// Whether a file that already conforms is sent as it is, without decoding.
    pub pass_through: bool,
    /// What is done about blurred, dark or empty pictures.
    pub preflight: Preflight,
    /// Whether HEIC may be decoded by the machine's libavcodec, where there is one: a third faster
    /// than the decoder in Rust that is always there, and C. Off unless set: C code on hostile input
    /// is in order in a locked-down worker process, which sets it.
    pub native_hevc: bool,
    /// Whether libheif may be asked; no configuration says so, only [`preload_libheif`](crate::preload_libheif).
    #[cfg(feature = "libheif")]
    #[serde(skip)]
    pub(crate) libheif: bool,
    /// Most pixels of the picture as stored, judged on the header.
    pub max_pixels: u64,
    /// Most bytes of memory for one picture, its output included, the input file not. Judged on the
    /// header; codecs written in C are held to it too.
    pub max_memory: u64,
    /// Most scans of a progressive JPEG. Encoders make 6 to 12.
    pub max_scans: u32,
    /// Most CPU time of the thread for one picture. Looked at between the steps of the work, each of
    /// which is bounded by the limits above; a step once begun is finished.
    #[serde(with = "sealpress_media::duration")]
    pub time_budget: Duration,
}

/// What happens to a picture below the policy's minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Undersized {
    /// An error of kind `limit`: more pixels would not be more picture.
    Refuse,
    /// Sent as it is, with a warning.
    Accept,
    /// Enlarged to the minimum, with a warning.
    Enlarge,
}

/// What happens to metadata of a file that passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Metadata {
    /// Removed without touching the coded picture.
    Strip,
    /// Left alone.
    Keep,
}

/// What happens to a colour profile other than sRGB when the picture is encoded anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Profiles {
    /// Colours are converted to sRGB.
    Convert,
    /// The profile goes along with unconverted colours, where the output's components are the
    /// profile's; CMYK is converted in any case.
    Keep,
}

/// What happens to a picture of which a part is missing or broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Damaged {
    /// An error of kind `truncated` or `corrupt`.
    Refuse,
    /// JPEG only: decoded as far as possible, with a warning.
    Accept,
}

/// A picture on which a document can be read, in any of the formats that everybody reads: longer side at most
/// 1920 pixels, 17,000,000 bytes. What a vendor accepts comes by [`Policy::within`].
impl Default for Policy {
    fn default() -> Self {
        Self {
            accepts: PLAIN.to_vec(),
            max_width: 1920,
            max_height: 1920,
            min_width: 1,
            min_height: 1,
            undersized: Undersized::Accept,
            max_bytes: 17_000_000,
            max_base64: u64::MAX,
            quality: 85,
            quality_floor: 40,
            filter: Filter::Lanczos3,
            background: [255, 255, 255],
            metadata: Metadata::Strip,
            profiles: Profiles::Convert,
            damaged: Damaged::Refuse,
            pass_through: true,
            preflight: Preflight::default(),
            native_hevc: false,
            #[cfg(feature = "libheif")]
            libheif: false,
            max_pixels: 220_000_000,
            max_memory: 640 << 20,
            max_scans: 100,
            time_budget: Duration::from_secs(10),
        }
    }
}

/// Formats that may leave as they came. HEIC is none of them, whoever takes it: readers differ about its turn
/// and its colours, so that it becomes JPEG.
const PLAIN: [Format; 3] = [Format::Jpeg, Format::Png, Format::WebP];

impl Policy {
    /// Whatever comes is made into what a vendor accepts. A picture below the vendor's minimum is refused: more
    /// pixels would not be more picture.
    #[must_use]
    pub fn within(limits: &sealpress_media::Limits) -> Self {
        Self {
            max_width: limits.max_width.max(1),
            max_height: limits.max_height.max(1),
            min_width: limits.min_width,
            min_height: limits.min_height,
            undersized: Undersized::Refuse,
            max_bytes: limits.image_bytes,
            max_base64: limits.image_base64.unwrap_or(u64::MAX),
            ..Self::default()
        }
        .with_accepts(PLAIN.into_iter().filter(|format| limits.accepts(*format)).collect::<Vec<_>>())
    }

    /// Sets the box: the largest width and height, upright.
    #[must_use]
    pub fn with_box(mut self, width: u32, height: u32) -> Self {
        (self.max_width, self.max_height) = (width.max(1), height.max(1));
        self
    }

    /// Sets the longer side's limit.
    #[must_use]
    pub fn with_longer_side(self, pixels: u32) -> Self {
        self.with_box(pixels, pixels)
    }

    /// Sets the minimum and what happens below it.
    #[must_use]
    pub fn with_minimum(mut self, width: u32, height: u32, undersized: Undersized) -> Self {
        (self.min_width, self.min_height, self.undersized) = (width, height, undersized);
        self
    }

    /// Sets the most bytes of the file; base64's limit stays.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets JPEG quality and where its search ends. A JPEG that shrinks to half or less while it is
    /// decoded, or came from HEIC, gets a step more for the same look.
    #[must_use]
    pub fn with_quality(mut self, quality: u8, floor: u8) -> Self {
        self.quality = quality.clamp(1, 100);
        self.quality_floor = floor.clamp(1, self.quality);
        self
    }

    /// Sets which formats may be sent. JPEG is always among them.
    #[must_use]
    pub fn with_accepts(mut self, formats: impl Into<Vec<Format>>) -> Self {
        self.accepts = formats.into();
        if !self.accepts.contains(&Format::Jpeg) {
            self.accepts.push(Format::Jpeg);
        }
        self
    }

    /// Sets the resampling kernel.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Sets what shows through transparent pixels.
    #[must_use]
    pub fn with_background(mut self, rgb: [u8; 3]) -> Self {
        self.background = rgb;
        self
    }

    /// Sets what happens to metadata of files that pass through.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Sets what happens to colour profiles.
    #[must_use]
    pub fn with_profiles(mut self, profiles: Profiles) -> Self {
        self.profiles = profiles;
        self
    }

    /// Sets what happens to damaged pictures.
    #[must_use]
    pub fn with_damaged(mut self, damaged: Damaged) -> Self {
        self.damaged = damaged;
        self
    }

    /// Encodes conforming files anew, too.
    #[must_use]
    pub fn without_pass_through(mut self) -> Self {
        self.pass_through = false;
        self
    }

    /// Sets what is done about blurred, dark or empty pictures.
    #[must_use]
    pub fn with_preflight(mut self, preflight: Preflight) -> Self {
        self.preflight = preflight;
        self
    }

    /// Lets the machine's libavcodec decode HEIC, where there is one.
    #[must_use]
    pub fn with_native_hevc(mut self) -> Self {
        self.native_hevc = true;
        self
    }

    /// Sets the limits of a decode.
    #[must_use]
    pub fn with_limits(mut self, max_pixels: u64, max_memory: u64, max_scans: u32) -> Self {
        (self.max_pixels, self.max_memory, self.max_scans) = (max_pixels, max_memory, max_scans);
        self
    }

    /// Sets the most time for one picture.
    #[must_use]
    pub fn with_time_budget(mut self, time: Duration) -> Self {
        self.time_budget = time;
        self
    }

    /// Most bytes of a file, by both ways of counting.
    #[must_use]
    pub fn byte_limit(&self) -> u64 {
        self.max_bytes.min((self.max_base64 / 4).saturating_mul(3))
    }

    pub(crate) const fn limits(&self) -> Limits {
        Limits { max_pixels: self.max_pixels, max_memory: self.max_memory, max_scans: self.max_scans }
    }

    /// Whether a file of this format may be sent.
    pub(crate) fn takes(&self, format: Format) -> bool {
        self.accepts.contains(&format)
    }

    /// The size that a picture gets, upright.
    pub(crate) fn fit(&self, upright: Dimensions) -> Dimensions {
        let fit = upright.fit_within(self.max_width, self.max_height);
        if self.undersized != Undersized::Enlarge || !self.is_undersized(fit) {
            return fit;
        }
        let (w, h) = (u64::from(fit.width()), u64::from(fit.height()));
        // The side that is shorter of its minimum by the larger factor becomes exact.
        let (mw, mh) = (u64::from(self.min_width), u64::from(self.min_height));
        let (nw, nh) = if mw * h >= mh * w { (mw, (h * mw).div_ceil(w)) } else { ((w * mh).div_ceil(h), mh) };
        let side = |n: u64, max: u32| u32::try_from(n).unwrap_or(u32::MAX).min(max);
        Dimensions::new(side(nw, self.max_width), side(nh, self.max_height)).unwrap_or(fit)
    }

    /// Whether upright dimensions are below the minimum.
    pub(crate) const fn is_undersized(&self, upright: Dimensions) -> bool {
        upright.width() < self.min_width || upright.height() < self.min_height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Policy {
        let mut limits = sealpress_media::Limits::none();
        (limits.formats, limits.image_bytes) = (vec![Format::Jpeg, Format::Heic], 10_000_000);
        (limits.max_width, limits.max_height, limits.min_width, limits.min_height) = (3840, 2160, 640, 480);
        Policy::within(&limits)
    }

    #[test]
    fn what_a_vendor_accepts_is_the_policy() {
        let policy = small();
        assert_eq!((policy.max_width, policy.max_height, policy.min_width, policy.min_height), (3840, 2160, 640, 480));
        assert_eq!((policy.byte_limit(), policy.accepts), (10_000_000, vec![Format::Jpeg]));
    }

    #[test]
    fn configuration_names_only_what_differs() {
        let policy: Policy = serde_json::from_str(r#"{"quality": 90, "time_budget": "500ms"}"#).unwrap();
        assert_eq!(policy.quality, 90);
        assert_eq!(policy.time_budget, Duration::from_millis(500));
        assert_eq!(policy.max_width, 1920);
        assert!(serde_json::from_str::<Policy>(r#"{"qualty": 90}"#).is_err());
        let text = serde_json::to_string(&small()).unwrap();
        assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), small());
    }

    #[test]
    fn enlarging_reaches_the_minimum_inside_the_box() {
        let policy = small().with_minimum(640, 480, Undersized::Enlarge);
        let d = |w, h| Dimensions::new(w, h).unwrap();
        assert_eq!(policy.fit(d(320, 200)), d(768, 480));
        assert_eq!(policy.fit(d(320, 240)), d(640, 480));
        assert_eq!(policy.fit(d(100, 300)), d(640, 1920));
        assert_eq!(policy.fit(d(4000, 3000)), d(2880, 2160));
        assert_eq!(small().fit(d(320, 240)), d(320, 240));
    }

    #[test]
    fn both_ways_of_counting_bytes() {
        assert_eq!(Policy::default().byte_limit(), 17_000_000);
        assert_eq!(
            Policy { max_base64: 24_000_000, ..Policy::default() }.with_max_bytes(20_000_000).byte_limit(),
            18_000_000
        );
    }
}
