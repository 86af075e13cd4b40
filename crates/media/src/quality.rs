//! What a cheap look at a picture says of it before anybody sends it: numbers, and what follows from them. Which
//! numbers mean what was measured on good pictures and on pictures that were spoilt on purpose; the tables are in
//! `crates/image/PREFLIGHT.md`, and so is what nobody can see this way.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Numbers of a picture's luma as it is sent (0 black, 255 white). `None` is "could not be judged", never 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quality {
    /// Detail of 2 pixels against detail of 6 where the picture has the most contrast, in the worst of eight
    /// directions and without the noise: 1/9 is nothing finer than 6 pixels, good pictures have more than 0.19.
    pub sharpness: Option<f64>,
    /// The same at half size, tile by tile, of the better tiles. Good pictures have more than 0.29; below 0.22 next to
    /// nothing can be read.
    pub coarse_sharpness: Option<f64>,
    /// Levels between the darkest and the brightest pixel of a tile, in the best 2% of the tiles.
    pub contrast98: f64,
    /// Luma that 1% of the pixels are below.
    pub p1: f64,
    /// Luma that half of the pixels are below.
    pub p50: f64,
    /// Luma that 99% of the pixels are below.
    pub p99: f64,
    /// Noise in levels, standard deviation, where the picture is flattest.
    pub noise: f64,
    /// Share of pixels at 250 or above. Paper in the sun has many: by itself it says nothing.
    pub clipped: f64,
    /// Share of the picture that shines, 0 to 1, where a shine can be told from white paper.
    pub glare: f64,
    /// By which the frames of one scene are ranked, higher being better; of different scenes it says nothing. It knows
    /// nothing of glare, over-exposure, framing or closed eyes.
    pub score: Option<f64>,
}

impl Quality {
    /// All numbers, as they were measured.
    #[must_use]
    pub fn new(sharpness: [Option<f64>; 2], exposure: [f64; 3], contrast98: f64, noise: f64, shares: [f64; 2]) -> Self {
        // Four places are more than any threshold has, and one file's numbers are one text on every machine.
        let round = |v: f64| (v * 1e4).round() / 1e4;
        let [fine, coarse] = sharpness;
        let score = fine.zip(coarse).map(|(fine, coarse)| {
            (fine + 0.01).ln() + (coarse + 0.01).ln() + (contrast98 + 1.0).ln() - 0.5 * (noise * noise + 9.0).ln()
        });
        let [p1, p50, p99] = exposure.map(round);
        Self {
            sharpness: fine.map(round),
            coarse_sharpness: coarse.map(round),
            contrast98: round(contrast98),
            p1,
            p50,
            p99,
            noise: round(noise),
            clipped: round(shares[0]),
            glare: round(shares[1]),
            score: score.map(round),
        }
    }

    /// What is wrong with a picture of this kind of thing.
    #[must_use]
    pub fn findings(&self, subject: Subject) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut below = |code: FindingCode, measured: Option<f64>| {
            let fires = measured.is_some_and(|measured| measured < code.threshold());
            if let (Some(measured), true) = (measured, fires) {
                found.push(Finding { code, measured, threshold: code.threshold(), advice: code.advice().to_owned() });
            }
            fires
        };
        let blank = below(FindingCode::Blank, Some(self.contrast98 - 6.0 * self.noise));
        let judged = |measured: Option<f64>| measured.filter(|_| !blank);
        let heavily = below(FindingCode::BlurredHeavily, judged(self.coarse_sharpness));
        below(FindingCode::Blurred, judged(self.sharpness).filter(|_| !heavily));
        below(FindingCode::TooDark, Some(self.p99));
        below(FindingCode::LowContrast, judged(Some(self.contrast98)));
        let mut above = |code: FindingCode, measured: f64| {
            if measured >= code.threshold() {
                found.push(Finding { code, measured, threshold: code.threshold(), advice: code.advice().to_owned() });
            }
        };
        above(FindingCode::Noisy, self.noise);
        if subject == Subject::Document {
            above(FindingCode::Glare, self.glare);
        }
        found
    }
}

// None of the numbers is ever NaN.
impl Eq for Quality {}

/// What a picture shows, as far as findings differ by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// A card, a page, an address: something to be read.
    #[default]
    Document,
    /// A person. Skin and glasses shine, which is no finding.
    Face,
    /// Nothing but a barcode: scanners read it when people cannot, so that it is never refused.
    Barcode,
}

/// What is wrong with a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub code: FindingCode,
    /// The number that says so.
    pub measured: f64,
    /// The number from which on it is one.
    pub threshold: f64,
    /// What the person with the camera can do about it.
    pub advice: String,
}

// Neither number is ever NaN.
impl Eq for Finding {}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, measured, threshold, advice } = self;
        write!(f, "{} ({measured:.3}, the limit is {threshold}): {advice}", code.words())
    }
}

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingCode {
    /// Nothing but a plain surface.
    Blank,
    /// Hardly a word can be read.
    BlurredHeavily,
    /// Small print may be lost.
    Blurred,
    /// Hardly any light.
    TooDark,
    /// Haze, a dirty lens, light from behind.
    LowContrast,
    /// Grain of too little light.
    Noisy,
    /// A lamp mirrored in the document.
    Glare,
}

impl FindingCode {
    /// Every code, the gravest first.
    pub const ALL: [Self; 7] =
        [Self::Blank, Self::BlurredHeavily, Self::Blurred, Self::TooDark, Self::LowContrast, Self::Noisy, Self::Glare];

    /// The name in JSON and configuration, such as `blurred_heavily`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::BlurredHeavily => "blurred_heavily",
            Self::Blurred => "blurred",
            Self::TooDark => "too_dark",
            Self::LowContrast => "low_contrast",
            Self::Noisy => "noisy",
            Self::Glare => "glare",
        }
    }

    /// For a person.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Blank => "nothing visible",
            Self::BlurredHeavily => "heavily blurred",
            Self::Blurred => "blurred",
            Self::TooDark => "too dark",
            Self::LowContrast => "low contrast",
            Self::Noisy => "noisy",
            Self::Glare => "glare",
        }
    }

    /// What the person with the camera can do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Blank => "nothing is visible; take the picture again",
            Self::BlurredHeavily => "hold still, let it focus, more light",
            Self::Blurred => "hold still, let it focus, more light; check that small print is readable",
            Self::TooDark => "more light, no flash",
            Self::LowContrast => "clean the lens, avoid haze and back light",
            Self::Noisy => "more light",
            Self::Glare => "tilt the document, no flash",
        }
    }

    /// The number from which on it is a finding: below for the first five, at or above for the others.
    #[must_use]
    pub const fn threshold(self) -> f64 {
        match self {
            Self::Blank => 16.0,
            Self::BlurredHeavily => 0.22,
            Self::Blurred => 0.18,
            Self::TooDark => 100.0,
            Self::LowContrast => 80.0,
            Self::Noisy => 8.0,
            Self::Glare => 0.002,
        }
    }
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Findings for which a picture may be refused before it is sent: those behind which nobody could read a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusable {
    /// [`FindingCode::Blank`].
    Blank,
    /// [`FindingCode::BlurredHeavily`].
    BlurredHeavily,
}

impl Refusable {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Blank, Self::BlurredHeavily];

    /// The finding.
    #[must_use]
    pub const fn code(self) -> FindingCode {
        match self {
            Self::Blank => FindingCode::Blank,
            Self::BlurredHeavily => FindingCode::BlurredHeavily,
        }
    }
}

/// What is done about the quality of pictures. In JSON and TOML `"off"`, `"report"`, `"advise"` or
/// `{"refuse": ["blank", "blurred_heavily"]}`; as text `refuse:blank,blurred_heavily`, and `refuse` for both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Preflight {
    /// Nothing is measured, and it costs nothing.
    Off,
    /// Numbers in the report.
    #[default]
    Report,
    /// Numbers and findings; everything goes on.
    Advise,
    /// Numbers and findings; a picture with one of these is refused: the user's turn. Not for pictures of nothing but
    /// a barcode, which scanners read when people cannot, nor for archives, whose pictures nobody can take again.
    Refuse(Vec<Refusable>),
}

impl Preflight {
    /// What is said of a picture under this policy: nothing, numbers, or numbers and findings.
    #[must_use]
    pub fn judge(&self, quality: Quality, subject: Subject) -> Option<Judged> {
        let findings = match self {
            Self::Off => return None,
            Self::Report => None,
            Self::Advise | Self::Refuse(_) => Some(quality.findings(subject)),
        };
        Some(Judged { quality, findings, not_judged: NOT_JUDGED.map(str::to_owned).to_vec() })
    }

    /// The finding for which this picture is refused.
    #[must_use]
    pub fn refuses(&self, judged: &Judged) -> Option<Finding> {
        let Self::Refuse(codes) = self else { return None };
        let refused = |finding: &&Finding| codes.iter().any(|code| code.code() == finding.code);
        judged.findings.iter().flatten().find(refused).cloned()
    }
}

impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Report => f.write_str("report"),
            Self::Advise => f.write_str("advise"),
            Self::Refuse(codes) => {
                let names: Vec<&str> = codes.iter().map(|code| code.code().as_str()).collect();
                write!(f, "refuse:{}", names.join(","))
            }
        }
    }
}

/// A text that is no [`Preflight`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPreflight(String);

impl fmt::Display for UnknownPreflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnknownPreflight {}

impl FromStr for Preflight {
    type Err = UnknownPreflight;

    fn from_str(text: &str) -> Result<Self, UnknownPreflight> {
        let codes = match text {
            "off" => return Ok(Self::Off),
            "report" => return Ok(Self::Report),
            "advise" => return Ok(Self::Advise),
            "refuse" => return Ok(Self::Refuse(Refusable::ALL.to_vec())),
            other => other.strip_prefix("refuse:").ok_or_else(|| {
                UnknownPreflight("one of off, report, advise, refuse and refuse:CODES is meant".to_owned())
            })?,
        };
        let code = |name: &str| {
            Refusable::ALL.into_iter().find(|code| code.code().as_str() == name).ok_or_else(|| {
                UnknownPreflight(format!(
                    "{name:?} is nothing to refuse for: only blank and blurred_heavily are, since all else may still be read"
                ))
            })
        };
        codes.split(',').map(code).collect::<Result<_, _>>().map(Self::Refuse)
    }
}

/// What a look at a picture said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Judged {
    /// The numbers.
    pub quality: Quality,
    /// What follows from them, the gravest first; `None` where only numbers were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<Vec<Finding>>,
    /// What this look cannot see, whatever the numbers are: no finding does not mean none of these.
    pub not_judged: Vec<String>,
}

impl Judged {
    /// The finding for which a picture of this is refused under a policy.
    #[must_use]
    pub fn refused_by(&self, policy: &Preflight, subject: Subject) -> Option<Finding> {
        if subject == Subject::Barcode { None } else { policy.refuses(self) }
    }

    /// The same for another kind of thing than was assumed: of a face, glare is no finding.
    #[must_use]
    pub fn seen_as(mut self, subject: Subject) -> Self {
        if let Some(findings) = &mut self.findings {
            *findings = self.quality.findings(subject);
        }
        self
    }
}

/// What the check cannot see: cut-off edges, fingers in the way, washed-out paper, photos of screens, print too small
/// to read at this size.
pub const NOT_JUDGED: [&str; 5] = ["framing", "occlusion", "overexposure", "screen", "text_size"];

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Quality {
        Quality::new([Some(0.4), Some(0.6)], [10.0, 140.0, 240.0], 180.0, 1.0, [0.0, 0.0])
    }

    fn codes(quality: &Quality, subject: Subject) -> Vec<&'static str> {
        quality.findings(subject).iter().map(|finding| finding.code.as_str()).collect()
    }

    #[test]
    fn each_threshold_has_two_sides() {
        assert!(codes(&good(), Subject::Document).is_empty());
        let with = |change: &dyn Fn(&mut Quality)| {
            let mut quality = good();
            change(&mut quality);
            codes(&quality, Subject::Document)
        };
        assert_eq!(with(&|q| q.sharpness = Some(0.179)), ["blurred"]);
        assert!(with(&|q| q.sharpness = Some(0.18)).is_empty());
        assert_eq!(with(&|q| (q.sharpness, q.coarse_sharpness) = (Some(0.1), Some(0.219))), ["blurred_heavily"]);
        assert_eq!(with(&|q| q.p99 = 99.9), ["too_dark"]);
        assert_eq!(with(&|q| q.contrast98 = 79.0), ["low_contrast"]);
        assert_eq!(with(&|q| q.noise = 8.0), ["noisy"]);
        assert_eq!(with(&|q| q.glare = 0.002), ["glare"]);
        // A blank picture is blank and neither blurred nor of low contrast.
        let blank = |q: &mut Quality| (q.contrast98, q.noise, q.sharpness) = (20.0, 1.0, Some(0.1));
        assert_eq!(with(&blank), ["blank"]);
        // Noise makes contrast of nothing.
        assert_eq!(with(&|q| (q.contrast98, q.noise) = (100.0, 15.0)), ["blank", "noisy"]);
    }

    #[test]
    fn what_could_not_be_judged_is_no_finding_and_no_zero() {
        let quality = Quality::new([None; 2], [10.0, 140.0, 240.0], 180.0, 1.0, [0.0, 0.0]);
        assert!(codes(&quality, Subject::Document).is_empty());
        assert_eq!((quality.sharpness, quality.coarse_sharpness, quality.score), (None, None, None));
    }

    #[test]
    fn a_face_may_shine() {
        let shiny = Quality { glare: 0.1, ..good() };
        assert_eq!(codes(&shiny, Subject::Document), ["glare"]);
        assert!(codes(&shiny, Subject::Face).is_empty());
        let judged = Preflight::Advise.judge(shiny, Subject::Document).unwrap();
        assert_eq!(judged.clone().seen_as(Subject::Document), judged);
        assert_eq!(judged.seen_as(Subject::Face).findings, Some(Vec::new()));
    }

    #[test]
    fn policies_say_as_much_as_they_are_asked() {
        let blurred = Quality { coarse_sharpness: Some(0.1), ..good() };
        assert!(Preflight::Off.judge(blurred.clone(), Subject::Document).is_none());
        assert_eq!(Preflight::Report.judge(blurred.clone(), Subject::Document).unwrap().findings, None);
        let advised = Preflight::Advise.judge(blurred, Subject::Document).unwrap();
        assert_eq!(advised.findings.as_ref().unwrap()[0].code, FindingCode::BlurredHeavily);
        assert_eq!(Preflight::Advise.refuses(&advised), None);
        assert_eq!(Preflight::Refuse(vec![Refusable::Blank]).refuses(&advised), None);
        let refuse: Preflight = "refuse:blank,blurred_heavily".parse().unwrap();
        assert_eq!(refuse.refuses(&advised).unwrap().code, FindingCode::BlurredHeavily);
    }

    #[test]
    fn texts_come_back_and_other_codes_are_errors() {
        for text in ["off", "report", "advise", "refuse:blank", "refuse:blank,blurred_heavily"] {
            assert_eq!(text.parse::<Preflight>().unwrap().to_string(), text);
        }
        assert_eq!("refuse".parse(), Ok(Preflight::Refuse(Refusable::ALL.to_vec())));
        for text in ["refuse:glare", "refuse:", "on", "refuse:blank,too_dark"] {
            assert!(text.parse::<Preflight>().is_err(), "{text}");
        }
    }
}
