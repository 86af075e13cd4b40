//! How much of its manifest a journal has, so that rows which were added can be told from rows that were changed.

use crate::error::Result;
use crate::manifest::Manifest;
use crate::store::Store;

/// Bytes of the manifest that were read, where it is a file.
pub(crate) const BYTES: &str = "manifest-bytes";
/// Rows that were read.
pub(crate) const READ: &str = "manifest-rows";

pub(crate) async fn note_extent(store: &dyn Store, manifest: &Manifest, rows: usize) -> Result<()> {
    store.note(READ, rows.to_string()).await?;
    store.note(BYTES, manifest.bytes().to_string()).await
}
