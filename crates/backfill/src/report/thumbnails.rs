//! Thumbnails of the pictures with the lowest scores, for whoever asks for them: a journal keeps no pictures, so the
//! files are read once more. What is another file by now is not shown, and nothing is fetched.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use sealpress_base64::DataUri;
use sealpress_media::{Format, Media};
use sealpress_pipeline::Press;
use sha2::{Digest, Sha256};

use super::figures::Worst;
use crate::source::{Found, Sources};

/// Bytes of a file that is read again. Photos of phones have up to 30 MB.
const MOST_READ: u64 = 64 << 20;

/// Bytes of one thumbnail, whatever the press makes: twenty of them are no burden to a page.
const MOST_BYTES: usize = 16 << 10;

/// What stands in a thumbnail's place.
pub(super) enum Thumbnail {
    /// A data URI.
    Picture(String),
    /// Why there is none.
    Absent(&'static str),
}

/// Where the files are, and the press that makes them small.
pub(crate) struct Thumbnails {
    pub(crate) sources: Sources,
    pub(crate) press: Arc<dyn Press>,
}

impl Thumbnails {
    /// Those of these pictures, in their order.
    pub(super) async fn of(&self, pictures: &[Worst]) -> Vec<Thumbnail> {
        let mut made = Vec::with_capacity(pictures.len());
        for picture in pictures {
            made.push(self.make(picture).await);
        }
        made
    }

    async fn make(&self, picture: &Worst) -> Thumbnail {
        let path = match self.sources.find(&picture.media) {
            Ok(Found::File(path)) => path,
            Ok(Found::Object(_) | Found::Elsewhere(_)) => return Thumbnail::Absent("not on this machine"),
            Err(_) => return Thumbnail::Absent("not there"),
        };
        let (press, hash) = (Arc::clone(&self.press), picture.hash);
        let shrunk = tokio::task::spawn_blocking(move || shrink(&path, hash, &*press)).await;
        shrunk.unwrap_or(Err("cannot be shown")).map_or_else(Thumbnail::Absent, Thumbnail::Picture)
    }
}

fn shrink(path: &Path, hash: Option<[u8; 32]>, press: &dyn Press) -> Result<String, &'static str> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|_| "not there")?;
    file.take(MOST_READ + 1).read_to_end(&mut bytes).map_err(|_| "not there")?;
    if bytes.len() as u64 > MOST_READ {
        return Err("too large");
    }
    if hash != Some(Sha256::digest(&bytes).into()) {
        return Err("another file by now");
    }
    let pressed = Media::sniff(bytes).ok().and_then(|media| press.press(&media).ok()).ok_or("cannot be shown")?;
    let fits = pressed.media.format() == Format::Jpeg && pressed.media.len() <= MOST_BYTES;
    let uri = DataUri::new("image/jpeg").ok().filter(|_| fits).ok_or("cannot be shown")?;
    Ok(uri.encode(pressed.media.bytes()))
}
