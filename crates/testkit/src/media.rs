//! `testdata/manifest.toml`, typed.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The folder `testdata` at the root of the workspace.
pub fn testdata_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

/// The manifest of `testdata`.
///
/// # Panics
/// When it is missing or cannot be understood: it is part of the repository.
pub fn media_manifest() -> MediaManifest {
    let path = testdata_root().join("manifest.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    MediaManifest::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All specimen files with what to expect of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MediaManifest {
    /// In the order in which a demo uploads them.
    pub media: Vec<MediaSpec>,
}

impl MediaManifest {
    pub(crate) fn new(media: Vec<MediaSpec>) -> Self {
        Self { media }
    }

    /// Reads the manifest's text.
    ///
    /// # Errors
    /// What could not be understood, with the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Names of the sessions in order of their first appearance.
    pub fn sessions(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for spec in &self.media {
            if !names.contains(&spec.session.as_str()) {
                names.push(&spec.session);
            }
        }
        names
    }

    /// The media of one session.
    pub fn session<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a MediaSpec> {
        self.media.iter().filter(move |spec| spec.session == name)
    }
}

/// One specimen file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MediaSpec {
    /// Path relative to `testdata`, with `/`.
    pub path: String,
    /// SHA-256 of the file in lower-case hex.
    pub sha256: String,
    /// How it was made.
    pub recipe: String,
    /// Whether testkit alone makes the same bytes again; the others were encoded once by the
    /// tool that the recipe names.
    pub is_reproducible: bool,
    /// `jpeg`, `png`, `webp`, `heic` or `pdf`.
    pub format: String,
    /// Width and height as stored, before any orientation; pictures only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<[u32; 2]>,
    /// Width and height as a person sees it; pictures only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upright: Option<[u32; 2]>,
    /// EXIF orientation in the file (1 where there is none); pictures only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orientation: Option<u8>,
    /// Pages in the file; PDFs only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<u32>,
    /// Pages that trimming must keep, 1-based; PDFs only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Vec<u32>>,
    /// What the file shows, in the vendor's words: `document-front`, `document-back`, `face`,
    /// `address-front`.
    pub context: String,
    /// Which files a demo uploads in one session.
    pub session: String,
}

impl MediaSpec {
    /// Where the file lies.
    pub fn file(&self) -> PathBuf {
        testdata_root().join(&self.path)
    }

    /// The content.
    ///
    /// # Panics
    /// When the file cannot be read: it is part of the repository.
    pub fn bytes(&self) -> Vec<u8> {
        let file = self.file();
        std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }
}
