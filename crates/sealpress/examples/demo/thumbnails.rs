//! Small pictures of every file as it was stored and as the vendor has it now.

use sealpress::image::{Normalizer, Policy, Probe};
use sealpress::pdf::Trimmer;
use sealpress::veriff::{self, MediaId};
use sealpress::{Media, pdf};

use crate::Story;

/// Longer side of a picture, in pixels: small on the page, enough to be looked at when enlarged.
const SIDE: u16 = 800;

/// Data URIs, where a picture could be made.
#[derive(Default)]
pub(crate) struct Pair {
    pub(crate) before: Option<String>,
    /// The EXIF orientation that the file asked for: the page turns the picture back by it, to show
    /// what a service would see that ignores it.
    pub(crate) orientation: u8,
    pub(crate) after: Option<String>,
}

/// One pair for each row. "After" is downloaded from the vendor: what is shown is what it has.
pub(crate) async fn of(client: &veriff::Client, story: &Story) -> Vec<Pair> {
    let mut small = Small::new();
    let mut pairs = Vec::with_capacity(story.rows.len());
    for row in &story.rows {
        let mut pair = Pair { orientation: 1, ..Pair::default() };
        if let Some(media) = std::fs::read(&row.file.path).ok().and_then(|bytes| Media::sniff(bytes).ok()) {
            pair.orientation = Probe::read(&media).map_or(1, |probe| probe.orientation());
            pair.before = small.picture(&media);
        }
        if let Ok(receipt) = &row.outcome.result
            && let Ok(bytes) = stored(client, &receipt.media_id).await
            && let Ok(media) = Media::sniff(bytes)
        {
            pair.after = small.picture(&media);
        }
        pairs.push(pair);
    }
    pairs
}

async fn stored(client: &veriff::Client, id: &MediaId) -> Result<Vec<u8>, veriff::Error> {
    let mut download = client.download(id).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = download.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

struct Small {
    normalizer: Normalizer,
    trimmer: Trimmer,
}

impl Small {
    fn new() -> Self {
        let policy = Policy::default().with_longer_side(u32::from(SIDE));
        Self { normalizer: Normalizer::new(policy), trimmer: Trimmer::new(pdf::Policy::default()) }
    }

    fn picture(&mut self, media: &Media) -> Option<String> {
        if media.format().is_image() {
            let small = self.normalizer.normalize(media).ok()?.into_media();
            Some(data_uri(small.format().mime(), small.bytes()))
        } else {
            Some(data_uri("image/png", &self.trimmer.preview(media, 1, SIDE).ok()?))
        }
    }
}

fn data_uri(mime: &str, bytes: &[u8]) -> String {
    format!("data:{mime};base64,{}", base64_simd::STANDARD.encode_to_string(bytes))
}
