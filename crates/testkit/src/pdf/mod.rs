//! PDFs written by hand: the ordinary ones that people upload and the odd ones that break
//! trimmers. The writer here is the only one in the house's tests, so nothing judges itself.

mod build;
mod cases;
mod content;
mod hostile;
mod plain;
mod scan;

pub use build::{Layout, PdfDocument};
pub use cases::{PdfCase, pdf_cases};
pub use content::Content;
pub use hostile::{HostilePdf, hostile_pdfs};
pub use plain::{pdf_bill, pdf_many_pages, pdf_statement};
pub use scan::{pdf_phone_scan, pdf_scan};
