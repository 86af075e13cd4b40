//! What was done to a picture, in words and for programs.

use std::fmt;
use std::time::{Duration, Instant};

use sealpress_media::{Dimensions, Format, Judged, Note, Summary};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// What was done to a picture and why.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// What came in.
    pub format: Format,
    /// What goes out.
    pub output_format: Format,
    /// Size of the input as stored, before any turn.
    pub original: Dimensions,
    /// Size of the output.
    pub dimensions: Dimensions,
    /// What was done, in order.
    pub actions: Vec<Action>,
    /// What a person might want to know.
    pub warnings: Vec<Warning>,
    /// How good the picture is that goes out; `None` where the policy does not ask, or where what passes through is
    /// not decoded for it (PNG of other than eight bits).
    pub judged: Option<Judged>,
    /// How long the steps took.
    pub timings: Timings,
}

impl Report {
    /// The same as the noun that tables, journals and process borders carry for every kind of file.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::unchanged(self.format);
        summary.output_format = self.output_format;
        summary.original = Some(self.original);
        summary.dimensions = Some(self.dimensions);
        summary.judged = self.judged.clone().map(Box::new);
        summary.actions = self.actions.iter().map(|a| Note::new(a.name(), a.to_string())).collect();
        summary.warnings = self.warnings.iter().map(|w| Note::new(w.name(), w.to_string())).collect();
        summary
    }
}

/// One thing done to a picture. Displays as the reason in words, serializes as `{"name", "text"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The coded picture is sent as it came.
    PassedThrough,
    /// Metadata, previews or bytes behind the picture were cut away; the coded picture is untouched.
    Stripped {
        /// Bytes fewer.
        bytes: u64,
    },
    /// Turned or mirrored upright.
    Oriented {
        /// The orientation that was baked in, 2–8 as in EXIF.
        from: u8,
        /// Whether coefficients were moved instead of pixels.
        lossless: bool,
    },
    /// Scaled.
    Resized {
        /// Upright size before.
        from: Dimensions,
        /// Upright size after.
        to: Dimensions,
    },
    /// Colours were converted to sRGB.
    ColourConverted {
        /// What they were.
        from: String,
    },
    /// The colour profile went along.
    ProfileKept {
        /// Its name.
        name: String,
    },
    /// Transparent pixels were laid on the background.
    Flattened,
    /// Only the first of several frames was taken.
    FirstFrame {
        /// Frames in the file.
        frames: u32,
    },
    /// Encoded anew.
    Encoded {
        /// As what.
        format: Format,
        /// JPEG quality.
        quality: Option<u8>,
        /// Why this format.
        reason: &'static str,
    },
    /// Quality went down until the bytes fitted.
    QualityLowered {
        /// The policy's quality.
        from: u8,
        /// The quality used.
        to: u8,
    },
}

impl Action {
    /// The name used in JSON output.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PassedThrough => "passed-through",
            Self::Stripped { .. } => "stripped",
            Self::Oriented { .. } => "oriented",
            Self::Resized { .. } => "resized",
            Self::ColourConverted { .. } => "colour-converted",
            Self::ProfileKept { .. } => "profile-kept",
            Self::Flattened => "flattened",
            Self::FirstFrame { .. } => "first-frame",
            Self::Encoded { .. } => "encoded",
            Self::QualityLowered { .. } => "quality-lowered",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassedThrough => f.write_str("already conforms, sent as it is"),
            Self::Stripped { bytes } => write!(f, "{bytes} bytes of metadata and trailing data cut away"),
            Self::Oriented { from, lossless: true } => write!(f, "turned upright from orientation {from} without loss"),
            Self::Oriented { from, lossless: false } => write!(f, "turned upright from orientation {from}"),
            Self::Resized { from, to } => write!(f, "resized from {from} to {to} to fit the box"),
            Self::ColourConverted { from } => write!(f, "colours converted from {from} to sRGB"),
            Self::ProfileKept { name } => write!(f, "colour profile {name} kept"),
            Self::Flattened => f.write_str("transparent pixels laid on the background"),
            Self::FirstFrame { frames } => write!(f, "first of {frames} frames taken"),
            Self::Encoded { format, quality: Some(quality), reason } => {
                write!(f, "encoded as {format} at quality {quality}: {reason}")
            }
            Self::Encoded { format, quality: None, reason } => write!(f, "encoded as {format}: {reason}"),
            Self::QualityLowered { from, to } => write!(f, "quality lowered from {from} to {to} to fit the byte limit"),
        }
    }
}

/// One thing a person might want to know. Displays in words, serializes as `{"name", "text"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Part of the picture data was missing; the policy took it anyway.
    Truncated,
    /// The end marker was missing, the picture was whole.
    EndMarkerMissing,
    /// The decoder complained; the policy took the picture anyway.
    Damaged {
        /// The decoder's first complaint.
        complaint: String,
    },
    /// Harmless irregularities in the file.
    Irregular {
        /// The decoder's first complaint.
        complaint: String,
    },
    /// A gain map or further pictures behind the first one were dropped.
    FurtherPicturesDropped,
    /// The colour profile could not be read and was left out.
    ProfileIgnored,
    /// The picture is smaller than the provider's minimum and was not enlarged.
    UpscalingRefused {
        /// Its upright size.
        size: Dimensions,
    },
    /// The picture was smaller than the provider's minimum and was enlarged.
    Enlarged {
        /// Its upright size.
        size: Dimensions,
    },
    /// High dynamic range was mapped to the standard one.
    DynamicRangeReduced,
}

impl Warning {
    /// The name used in JSON output.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::EndMarkerMissing => "end-marker-missing",
            Self::Damaged { .. } => "damaged",
            Self::Irregular { .. } => "irregular",
            Self::FurtherPicturesDropped => "further-pictures-dropped",
            Self::ProfileIgnored => "profile-ignored",
            Self::UpscalingRefused { .. } => "upscaling-refused",
            Self::Enlarged { .. } => "enlarged",
            Self::DynamicRangeReduced => "dynamic-range-reduced",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("part of the picture is missing"),
            Self::EndMarkerMissing => f.write_str("the end marker is missing, the picture is whole"),
            Self::Damaged { complaint } => write!(f, "the picture is damaged: {complaint}"),
            Self::Irregular { complaint } => write!(f, "the file has harmless irregularities: {complaint}"),
            Self::FurtherPicturesDropped => f.write_str("a gain map or further pictures were dropped"),
            Self::ProfileIgnored => f.write_str("the colour profile is broken and was left out"),
            Self::UpscalingRefused { size } => write!(f, "{size} is below the provider's minimum and was not enlarged"),
            Self::Enlarged { size } => write!(f, "{size} was below the provider's minimum and was enlarged"),
            Self::DynamicRangeReduced => f.write_str("high dynamic range was reduced to the standard one"),
        }
    }
}

fn serialize_named<S: Serializer>(
    s: S,
    what: &'static str,
    name: &str,
    text: &dyn fmt::Display,
) -> Result<S::Ok, S::Error> {
    let mut out = s.serialize_struct(what, 2)?;
    out.serialize_field("name", name)?;
    out.serialize_field("text", &text.to_string())?;
    out.end()
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        serialize_named(s, "Action", self.name(), self)
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        serialize_named(s, "Warning", self.name(), self)
    }
}

/// Wall time of each step; zero where a step was not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Timings {
    /// Reading the structure.
    #[serde(rename = "scan_us", serialize_with = "sealpress_media::duration::micros")]
    pub scan: Duration,
    /// Decoding.
    #[serde(rename = "decode_us", serialize_with = "sealpress_media::duration::micros")]
    pub decode: Duration,
    /// Scaling, turning and colour.
    #[serde(rename = "transform_us", serialize_with = "sealpress_media::duration::micros")]
    pub transform: Duration,
    /// Measuring how good the picture is.
    pub judge: Duration,
    /// Encoding, the search for a quality included.
    #[serde(rename = "encode_us", serialize_with = "sealpress_media::duration::micros")]
    pub encode: Duration,
}

impl Timings {
    /// All steps together.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.scan + self.decode + self.transform + self.judge + self.encode
    }
}

/// Takes the time between steps and watches the budget. The only place that looks at a clock.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    begun: Duration,
    last: Instant,
    budget: Duration,
}

impl Stopwatch {
    pub(crate) fn start(budget: Duration) -> Self {
        Self { begun: spent(), last: Instant::now(), budget }
    }

    /// Adds the time since the last lap to `step`.
    pub(crate) fn lap(&mut self, step: &mut Duration) {
        let now = Instant::now();
        *step += now - self.last;
        self.last = now;
    }

    /// Whether the budget is spent.
    pub(crate) fn check(&self) -> Result<(), crate::Error> {
        if spent().saturating_sub(self.begun) > self.budget {
            return Err(crate::Error::new(
                crate::ErrorKind::Timeout,
                format!("the picture took more than {} ms of CPU time", self.budget.as_millis()),
            ));
        }
        Ok(())
    }
}

/// CPU time of this thread: a picture that waits for the CPU on a busy machine is no worse for it.
fn spent() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
