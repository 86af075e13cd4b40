//! What a picture was taken of, by the names that callers use; each vendor translates.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use sealpress_media::{Fault, Subject};
use serde::{Deserialize, Serialize};

use crate::error::Error;

macro_rules! contexts {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $uploadable:literal;)+) => {
        /// What a picture was taken of. Open: vendors add contexts without notice, and a name that
        /// is not known here survives as [`Context::Other`].
        ///
        /// The names are Veriff's. In a pair the `-pre` context is the first of two shots. Other
        /// vendors translate: Transmit Security's `selfie` is [`Context::Face`].
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum Context {
            $($(#[$doc])* $variant,)+
            /// A context that this version does not know by name.
            Other(String),
        }

        impl Context {
            /// Every context that has a name here.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)+];

            /// The vendor's name, such as `document-front`.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Other(name) => name,
                }
            }

            /// Whether pictures of this context are uploaded by callers. Videos, crops and pictures
            /// out of chips and registries appear in lists only. Unknown contexts are given the
            /// benefit of the doubt.
            #[must_use]
            pub const fn is_uploadable(&self) -> bool {
                match self {
                    $(Self::$variant => $uploadable,)+
                    Self::Other(_) => true,
                }
            }
        }

        impl From<&str> for Context {
            fn from(name: &str) -> Self {
                match name {
                    $($name => Self::$variant,)+
                    _ => Self::Other(name.to_owned()),
                }
            }
        }
    };
}

contexts! {
    /// Front of the document.
    DocumentFront = "document-front", true;
    /// Front of the document, first shot.
    DocumentFrontPre = "document-front-pre", true;
    /// Back of the document.
    DocumentBack = "document-back", true;
    /// Back of the document, first shot.
    DocumentBackPre = "document-back-pre", true;
    /// The person holding the document.
    DocumentAndFace = "document-and-face", true;
    /// The person holding the document, first shot.
    DocumentAndFacePre = "document-and-face-pre", true;
    /// The face: what people call a selfie.
    Face = "face", true;
    /// The face, first shot.
    FacePre = "face-pre", true;
    /// The face out of the document's chip.
    FaceNfc = "face-nfc", false;
    /// A reference picture of the face.
    FaceReference = "face-reference", true;
    /// A proof of address.
    AddressFront = "address-front", true;
    /// The face cut out of the document's front by the vendor.
    DocumentFrontFaceCropped = "document-front-face-cropped", false;
    /// The face cut out of a picture by the vendor.
    FaceCropped = "face-cropped", false;
    /// The face out of a registry.
    RegistryFace = "registry-face", false;
    /// QR code on the front.
    DocumentFrontQrcode = "document-front-qrcode", true;
    /// QR code on the front, first shot.
    DocumentFrontQrcodePre = "document-front-qrcode-pre", true;
    /// QR code on the back.
    DocumentBackQrcode = "document-back-qrcode", true;
    /// QR code on the back, first shot.
    DocumentBackQrcodePre = "document-back-qrcode-pre", true;
    /// Barcode on the back.
    DocumentBackBarcode = "document-back-barcode", true;
    /// Barcode on the back, first shot.
    DocumentBackBarcodePre = "document-back-barcode-pre", true;
    /// Front of the document with the holder's signature.
    DocumentFrontWithSignature = "document-front-with-signature", true;
    /// Front of the document with the holder's signature, first shot.
    DocumentFrontWithSignaturePre = "document-front-with-signature-pre", true;
    /// Front of any other document (product "unstructured documents").
    GenericDocumentFront = "generic-document-front", true;
    /// Video of the session.
    SelfidVideo = "selfid_video", false;
    /// Video before the face.
    FacePreVideo = "face-pre-video", false;
    /// Video before the front.
    DocumentFrontPreVideo = "document-front-pre-video", false;
    /// Video before the back.
    DocumentBackPreVideo = "document-back-pre-video", false;
    /// Video before document and face.
    DocumentAndFacePreVideo = "document-and-face-pre-video", false;
    /// Video before the barcode.
    DocumentBackBarcodePreVideo = "document-back-barcode-pre-video", false;
}

impl Context {
    /// What a picture of this context shows, as far as judging it differs by that. A face beside its document is
    /// judged as a document.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let name = self.as_str().to_ascii_lowercase();
        let has = |word: &str| name.contains(word);
        if has("barcode") || has("qrcode") {
            Subject::Barcode
        } else if (has("face") || has("selfie")) && !has("document") {
            Subject::Face
        } else {
            Subject::Document
        }
    }

    /// Refuses what no vendor would take, with a hint where people go wrong.
    pub(crate) fn for_upload(&self) -> Result<(), Error> {
        let refuse = |reason: String| Err(Error::media("upload", Fault::Caller, reason));
        match self {
            Self::Other(name) if name.eq_ignore_ascii_case("selfie") => {
                refuse("`selfie` is not a context; the value is `face`".to_owned())
            }
            Self::Other(name) if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) => {
                refuse("a context has 1 to 100 characters".to_owned())
            }
            _ if !self.is_uploadable() => refuse(format!("`{self}` is made by the vendor and cannot be uploaded")),
            _ => Ok(()),
        }
    }
}

impl From<String> for Context {
    fn from(name: String) -> Self {
        match Self::from(name.as_str()) {
            Self::Other(_) => Self::Other(name),
            known => known,
        }
    }
}

impl From<Context> for String {
    fn from(context: Context) -> Self {
        match context {
            Context::Other(name) => name,
            known => known.as_str().to_owned(),
        }
    }
}

impl FromStr for Context {
    type Err = Infallible;
    fn from_str(name: &str) -> Result<Self, Infallible> {
        Ok(Self::from(name))
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_beside_a_document_is_a_document() {
        let shown = |name: &str| Context::from(name).subject();
        assert_eq!(["face", "face-pre", "Selfie"].map(shown), [Subject::Face; 3]);
        assert_eq!(["document-and-face", "document-front", "address-front", "x"].map(shown), [Subject::Document; 4]);
        assert_eq!(["document-back-barcode", "document-front-qrcode-pre"].map(shown), [Subject::Barcode; 2]);
    }

    /// The 20 of the upload page and the 14 of the attempts page.
    const UPLOAD: &str = "address-front document-and-face document-and-face-pre document-back document-back-barcode \
        document-back-barcode-pre document-back-pre document-back-qrcode document-back-qrcode-pre document-front \
        document-front-face-cropped document-front-pre document-front-qrcode document-front-qrcode-pre face \
        face-cropped face-nfc face-pre face-reference registry-face";
    const ATTEMPT: &str = "document-and-face document-and-face-pre document-back document-back-pre document-front \
        document-front-pre document-front-with-signature document-front-with-signature-pre face face-pre face-nfc \
        face-reference address-front document-front-face-cropped";

    #[test]
    fn both_lists_are_known_by_name() {
        assert_eq!((UPLOAD.split_whitespace().count(), ATTEMPT.split_whitespace().count()), (20, 14));
        for name in UPLOAD.split_whitespace().chain(ATTEMPT.split_whitespace()) {
            let context = Context::from(name);
            assert!(!matches!(context, Context::Other(_)), "{name}");
            assert_eq!(context.as_str(), name);
        }
    }

    #[test]
    fn unknown_names_survive_a_round_trip() {
        let json = "\"document-hologram\"";
        let context: Context = serde_json::from_str(json).unwrap();
        assert_eq!(context, Context::Other("document-hologram".into()));
        assert_eq!(serde_json::to_string(&context).unwrap(), json);
        assert!(context.for_upload().is_ok());
    }

    #[test]
    fn selfie_is_refused_with_a_hint() {
        let error = Context::from("selfie").for_upload().unwrap_err();
        assert_eq!(error.kind().as_str(), "media");
        assert!(error.to_string().contains("`face`"));
        assert!(Context::SelfidVideo.for_upload().is_err());
        assert!(Context::FaceCropped.for_upload().is_err());
    }
}
