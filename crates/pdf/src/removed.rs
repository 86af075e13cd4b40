//! What a rewritten file no longer has, by kind: each is counted and named.

use serde::Serialize;

/// What a rewritten file no longer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Removed {
    /// JavaScript.
    Scripts,
    /// Actions that start programs.
    LaunchActions,
    /// Actions that send forms.
    SubmitActions,
    /// Actions that import data.
    ImportActions,
    /// Actions and streams that lead into other files.
    RemoteActions,
    /// Files inside the file.
    EmbeddedFiles,
    /// XML forms.
    XfaForms,
    /// Sounds, films, 3D.
    RichMedia,
    /// Digital signatures.
    Signatures,
    /// What is needed to check signatures later.
    ValidationData,
    /// Earlier states of the file.
    Revisions,
    /// Title, author, producer, dates.
    Information,
    /// XMP packets.
    Metadata,
    /// Authors of annotations.
    Authors,
    /// Bookmarks.
    Outlines,
    /// Where links lead.
    Links,
    /// Named destinations.
    Destinations,
    /// The structure for screen readers.
    Structure,
    /// Numbers of pages other than 1, 2, 3.
    PageLabels,
    /// Article threads.
    Threads,
    /// Private data of applications.
    PrivateData,
    /// Small pictures of pages.
    Thumbnails,
}

impl Removed {
    /// All of them, in the order in which they are named.
    pub(crate) const ALL: [Self; 22] = [
        Self::Scripts,
        Self::LaunchActions,
        Self::SubmitActions,
        Self::ImportActions,
        Self::RemoteActions,
        Self::EmbeddedFiles,
        Self::XfaForms,
        Self::RichMedia,
        Self::Signatures,
        Self::ValidationData,
        Self::Revisions,
        Self::Information,
        Self::Metadata,
        Self::Authors,
        Self::Outlines,
        Self::Links,
        Self::Destinations,
        Self::Structure,
        Self::PageLabels,
        Self::Threads,
        Self::PrivateData,
        Self::Thumbnails,
    ];

    /// The name of the action in JSON output, then what it is called one by one and in numbers.
    pub(crate) const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Scripts => ("scripts-removed", "script", "scripts"),
            Self::LaunchActions => ("launch-actions-removed", "launch action", "launch actions"),
            Self::SubmitActions => ("submit-actions-removed", "submit action", "submit actions"),
            Self::ImportActions => ("import-actions-removed", "import action", "import actions"),
            Self::RemoteActions => ("remote-actions-removed", "link into another file", "links into other files"),
            Self::EmbeddedFiles => ("embedded-files-removed", "embedded file", "embedded files"),
            Self::XfaForms => ("xfa-removed", "XFA form", "XFA forms"),
            Self::RichMedia => ("rich-media-removed", "sound, film or 3D view", "sounds, films or 3D views"),
            Self::Signatures => ("signatures-removed", "signature", "signatures"),
            Self::ValidationData => {
                ("validation-data-removed", "store of validation data", "stores of validation data")
            }
            Self::Revisions => ("revisions-removed", "earlier revision", "earlier revisions"),
            Self::Information => ("document-information-removed", "document information", "document informations"),
            Self::Metadata => ("metadata-removed", "XMP packet", "XMP packets"),
            Self::Authors => ("annotation-authors-removed", "author of an annotation", "authors of annotations"),
            Self::Outlines => ("outlines-removed", "list of bookmarks", "lists of bookmarks"),
            Self::Links => ("links-removed", "target of a link", "targets of links"),
            Self::Destinations => ("destinations-removed", "list of destinations", "lists of destinations"),
            Self::Structure => ("structure-removed", "structure for screen readers", "structures for screen readers"),
            Self::PageLabels => ("page-labels-removed", "list of page labels", "lists of page labels"),
            Self::Threads => ("threads-removed", "list of article threads", "lists of article threads"),
            Self::PrivateData => ("private-data-removed", "application's private data", "applications' private data"),
            Self::Thumbnails => ("thumbnails-removed", "thumbnail", "thumbnails"),
        }
    }
}
