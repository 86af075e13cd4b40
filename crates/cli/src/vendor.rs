//! The one place where an operator's choice of a vendor is spelled.

use clap::ValueEnum;

/// What a backfill fills at the vendor's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// Sessions, which are then submitted
    #[default]
    Sessions,
    /// The collection of faces (Veriff): one picture a subject, context face, ten a request
    Faces,
}

/// Whose rules files are prepared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Vendor {
    /// Longer side at most 1920, pictures and PDFs
    #[default]
    Veriff,
    /// JPEG only, 640 to 3840 by 480 to 2160
    Transmit,
}
