//! What is said of a picture whose decoder or data complain.

use super::Request;
use crate::ending::Ending;
use crate::error::Error;
use crate::jpeg::completeness::Lack;
use crate::jpeg::scan::Scan;
use crate::jpeg::walk::{self, Walk};
use crate::policy::Damaged;
use crate::report::Warning;

/// What is to be said about a picture that was decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Sound,
    Irregular(String),
    Truncated(&'static str),
    Damaged(String),
}

/// What the user is told of bits behind the last that are no padding.
const ODD_PADDING: &str = "the last bits of the picture's data are filled up as no known encoder does: look whether all of it \
                           is there";

/// What the user is told of quantization tables that no encoder may write.
pub(super) const ZERO_STEPS: &str = "a quantization table has steps of zero: look whether details are missing";

impl Verdict {
    /// Judges by what the scans announce alone.
    pub(super) fn of_scans(scan: &Scan) -> Self {
        match scan.lacks() {
            Lack::Nothing => Self::Sound,
            Lack::Refinement => Self::Irregular(String::from("the last scans, which sharpen the picture, are missing")),
            Lack::Coefficients => Self::Truncated("scans of the picture are missing"),
        }
    }

    /// Judges by the walk over all data; the decoder's complaint is what is told.
    pub(super) fn of_walk(walk: Walk, complaint: Option<String>, scan: &Scan, bytes: &[u8]) -> Self {
        let contradiction = || String::from("they contradict themselves");
        match (walk, complaint) {
            (Walk::Truncated, _) => Self::Truncated("the picture data end before the picture does"),
            // Much of what cannot be, libjpeg-turbo passes over in silence.
            (Walk::Corrupt, complaint) => Self::Damaged(complaint.unwrap_or_else(contradiction)),
            (Walk::Whole { end, stray, odd_padding }, complaint) => match scan.surplus(bytes, end) {
                surplus if stray > 0 || surplus > walk::PADDING => {
                    Self::Damaged(complaint.unwrap_or_else(contradiction))
                }
                // Alone, it may be a camera's way; beside anything else that is odd, it is damage.
                0 if odd_padding && complaint.is_none() && scan.end.is_some() => {
                    Self::of_scans(scan).or_irregular(String::from(ODD_PADDING))
                }
                _ if odd_padding => Self::Damaged(complaint.unwrap_or_else(contradiction)),
                0 => Self::of_scans(scan).or_complaint(complaint),
                // Cameras leave a few; so does damage that by chance makes sense.
                surplus => {
                    let told = || format!("{surplus} bytes stand between the picture's data and its end marker");
                    Self::of_scans(scan).or_irregular(complaint.unwrap_or_else(told))
                }
            },
            (Walk::Foreign, complaint) => Self::of_scans(scan).or_complaint(complaint),
        }
    }

    pub(super) fn of_complaint(complaint: String, scan: &Scan) -> Self {
        if scan.end.is_none() || complaint.contains("remature end") {
            return Self::Truncated("the picture data end before the picture does");
        }
        Self::Damaged(complaint)
    }

    /// Of data without a checksum, by where they end.
    pub(super) fn of_ending(ending: Ending) -> Self {
        match ending {
            Ending::Exact => Self::Sound,
            Ending::Odd => Self::Irregular(String::from("the picture's data end otherwise than encoders end them")),
            Ending::Amiss => Self::Damaged(String::from(
                "they do not end where the picture does; get the file anew from where it was taken",
            )),
            Ending::Beyond => Self::Truncated(
                "the picture data end before the picture does: get the file anew from where it was taken",
            ),
        }
    }

    fn or_complaint(self, complaint: Option<String>) -> Self {
        match complaint {
            Some(complaint) => self.or_irregular(complaint),
            None => self,
        }
    }

    pub(super) fn or_irregular(self, complaint: String) -> Self {
        if self == Self::Sound { Self::Irregular(complaint) } else { self }
    }

    /// Against what the policy takes.
    pub(super) fn judge(self, request: &mut Request<'_>) -> Result<(), Error> {
        let accept = request.policy.damaged == Damaged::Accept;
        match self {
            Self::Sound => {}
            Self::Irregular(complaint) => request.warnings.push(Warning::Irregular { complaint }),
            Self::Truncated(_) if accept => request.warnings.push(Warning::Truncated),
            Self::Truncated(text) => return Err(Error::truncated(text)),
            Self::Damaged(complaint) if accept => request.warnings.push(Warning::Damaged { complaint }),
            Self::Damaged(complaint) => {
                return Err(Error::corrupt(format!("picture data are damaged: {complaint}")));
            }
        }
        Ok(())
    }
}
