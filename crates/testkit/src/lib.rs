//! What the tests of the house share: seeded makers of pictures, PDFs and documents, the index
//! of real media that lies beside the workspace, and pixel comparison.
//!
//! Depends on no other crate of the house, so that nothing judges itself. Everything that is
//! made here is made from a seed with integer arithmetic and the four exact floating-point
//! operations only, so that the same seed gives the same bytes on every machine.
#![forbid(unsafe_code)]

mod compare;
mod corpus;
mod damage;
mod deflate;
mod document;
mod draw;
mod encode;
mod heif;
mod media;
mod pdf;
mod photo;
mod python;
mod rng;
mod scene;
mod skip;
mod surgery;
mod testdata;
mod tiff;

pub use compare::{Difference, Rgb, delta_e_2000, difference, mean_delta_e, psnr, share_within, ssim};
pub use corpus::{Corpus, Entry, Expected, Kept, PdfEntry, corpus, corpus_root};
pub use damage::Damage;
pub use document::{
    Person, bill_page, check_digit, driving_licence, id_card_back, id_card_front, mrz_card, mrz_passport,
    passport_page, screenshot, selfie,
};
pub use draw::{Canvas, Ink};
pub use encode::{Exif, IccProfile, Jpeg, Png, PngKind, Sampling, WebP};
pub use heif::{HeifTransform, heif_with_transforms};
pub use media::{MediaManifest, MediaSpec, media_manifest, testdata_root};
pub use pdf::{
    Content, HostilePdf, Layout, PdfCase, PdfDocument, hostile_pdfs, pdf_bill, pdf_cases, pdf_many_pages,
    pdf_phone_scan, pdf_scan, pdf_statement,
};
pub use photo::{Shot, photograph};
pub use python::python;
pub use rng::Rng;
pub use scene::scene;
pub use skip::skip;
pub use surgery::{JpegFile, JpegSegment, PngFile, lossless_jpeg};
pub use testdata::{Specimen, manifest_of, sha256_hex, specimens};
pub use tiff::{Tiff, TiffPage};
