//! What a dictionary is decides what it may keep: the lists of allowed and denied keys, and the door
//! through which forms and layers have their parts copied.

use crate::failure::Failure;
use crate::object::{Dict, Id, Object, Value};
use crate::source::Source;

/// What a dictionary is, which decides what it may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Fonts, images, forms, colour spaces, functions …
    Generic,
    /// A content stream, or an array of them.
    Contents,
    /// A resource dictionary.
    Resources,
    /// A dictionary whose keys are free names: fonts of a page, glyphs of a font, states of a button.
    Names,
    /// What stands under a free name: a font, an image, a form.
    Named,
    /// An annotation, widgets included.
    Annotation,
    /// The `/AP` of an annotation.
    Appearance,
    /// A form field above its widgets.
    Field,
    /// The `/Kids` of a form field.
    FieldKids,
}

impl Role {
    /// Whether the keys of such a dictionary mean what the standard says, and are no free names: a font
    /// called `/EF` is no attachment.
    pub(crate) fn is_known_by_its_entries(self) -> bool {
        !matches!(self, Self::Names | Self::Resources)
    }
}

pub(crate) const PAGE_KEYS: [&[u8]; 7] =
    [b"MediaBox", b"CropBox", b"Rotate", b"Resources", b"Contents", b"Group", b"UserUnit"];

/// What draws an annotation, with or without an appearance stream, and what a widget shares with its
/// field. No actions, no destinations, no files, no authors, no dates.
const ANNOTATION_KEYS: [&[u8]; 57] = [
    b"Type",
    b"Subtype",
    b"Rect",
    b"F",
    b"AP",
    b"AS",
    b"P",
    b"Border",
    b"C",
    b"OC",
    b"BM",
    b"CA",
    b"ca",
    b"BS",
    b"BE",
    b"IC",
    b"QuadPoints",
    b"InkList",
    b"Vertices",
    b"L",
    b"LE",
    b"LL",
    b"LLE",
    b"LLO",
    b"Cap",
    b"CP",
    b"CO",
    b"RD",
    b"CL",
    b"IT",
    b"Sy",
    b"Name",
    b"Contents",
    b"RC",
    b"RV",
    b"DS",
    b"DA",
    b"DV",
    b"Q",
    b"H",
    b"MK",
    b"FT",
    b"T",
    b"TU",
    b"Ff",
    b"V",
    b"Opt",
    b"MaxLen",
    b"TI",
    b"I",
    b"Parent",
    b"Kids",
    b"DR",
    b"Repeat",
    b"RO",
    b"OverlayText",
    b"Lang",
];

const FIELD_KEYS: [&[u8]; 17] = [
    b"FT", b"Parent", b"Kids", b"T", b"TU", b"Ff", b"V", b"DV", b"DA", b"Q", b"Opt", b"MaxLen", b"TI", b"I", b"DS",
    b"RV", b"MK",
];

/// Keys that carry metadata, structure, scripts, actions or files wherever they stand. None of them is
/// needed to draw anything; keys that only mean so in pages and annotations (`/A`, `/B`, `/Dest`) are
/// ruled out there by the lists of allowed ones.
const DENIED_KEYS: [&[u8]; 22] = [
    b"Metadata",
    b"PieceInfo",
    b"StructParent",
    b"StructParents",
    b"AF",
    b"AA",
    b"JS",
    b"EF",
    b"OpenAction",
    b"Outlines",
    b"Names",
    b"XFA",
    b"Thumb",
    b"Dests",
    b"Popup",
    b"IRT",
    b"LastModified",
    b"OPI",
    b"Alternates",
    b"CreatorInfo",
    b"URI",
    b"SourceInfo",
];

/// `/S` of every action (ISO 32000-2, table 201).
const ACTIONS: [&[u8]; 20] = [
    b"GoTo",
    b"GoToR",
    b"GoToE",
    b"GoToDp",
    b"Launch",
    b"Thread",
    b"URI",
    b"Sound",
    b"Movie",
    b"Hide",
    b"Named",
    b"SubmitForm",
    b"ResetForm",
    b"ImportData",
    b"SetOCGState",
    b"Rendition",
    b"Trans",
    b"GoTo3DView",
    b"JavaScript",
    b"RichMediaExecute",
];

/// Whoever copies objects, to those who know which.
pub(crate) trait Rewriter {
    /// The new reference to an object, which is copied when it is met for the first time.
    fn refer(&mut self, id: Id, role: Role) -> Result<Object, Failure>;

    /// Rewrites a direct object.
    fn transform(&mut self, object: Object, role: Role) -> Result<Object, Failure>;

    /// The number that the copy of an object has, if it was met.
    fn met(&self, id: Id) -> Option<u32>;

    /// The entry of a dictionary, reference followed, as [`Source::entry`] gives it; what cannot be read of it
    /// is noted as missing.
    fn known(&mut self, source: &Source, dict: &Dict, key: &[u8]) -> Result<Value, Failure>;
}

/// Whether a dictionary of this role keeps the key.
pub(crate) fn allowed(role: Role, key: &[u8]) -> bool {
    match role {
        Role::Names => true,
        Role::Resources => [
            b"ExtGState".as_slice(),
            b"ColorSpace",
            b"Pattern",
            b"Shading",
            b"XObject",
            b"Font",
            b"Properties",
            b"ProcSet",
        ]
        .contains(&key),
        Role::Annotation => ANNOTATION_KEYS.contains(&key),
        Role::Appearance => key == b"N",
        Role::Field => FIELD_KEYS.contains(&key),
        Role::Generic | Role::Named | Role::Contents | Role::FieldKids => !DENIED_KEYS.contains(&key),
    }
}

/// Dictionaries that draw nothing and do or carry something: actions, attachments, signatures.
pub(crate) fn forbidden(dict: &Dict) -> bool {
    let kind = dict.get_name(b"Type");
    match kind {
        Some(
            b"Action" | b"Filespec" | b"F" | b"EmbeddedFile" | b"Sig" | b"DocTimeStamp" | b"Outlines" | b"StructElem"
            | b"StructTreeRoot" | b"Metadata" | b"Catalog",
        ) => true,
        Some(_) => false,
        None => dict.contains(b"EF") || dict.get_name(b"S").is_some_and(|s| ACTIONS.contains(&s)),
    }
}

/// Nodes and leaves of the page tree, which only the copier puts where they belong.
pub(crate) fn is_page_tree(dict: &Dict) -> bool {
    matches!(dict.get_name(b"Type"), Some(b"Page" | b"Pages" | b"Template"))
}
