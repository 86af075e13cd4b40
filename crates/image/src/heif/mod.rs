//! HEIF containers with HEVC pictures: a box parser and a decoder that hand over [`Planes`].
//!
//! The door to the rest of the crate is two functions: `probe(&[u8], &Limits)` reads boxes only,
//! `decode(&[u8], &Limits)` gives the primary picture's planes before any turn or mirroring,
//! together with the transform that remains to be applied (as an EXIF orientation 1–8) and the
//! ICC profile.
//!
//! [`Planes`]: crate::planes::Planes
