//! What a document has beside its pages: what acts, what carries, what identifies. Decides whether a file
//! may leave as issued, and lets whatever must be rewritten say what went.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::clock::Deadline;
use crate::error::{Error, ErrorKind};
use crate::failure::{Failure, Leave};
use crate::object::{Dict, Id, Object, Value};
use crate::removed::Removed;
use crate::source::Source;
use crate::walk::Page;

/// A file of more objects than this, of which some pages are left out, is not looked through: what its
/// catalog and the kept pages reach is. What acts on a page that goes, goes with it.
const LARGE: usize = 1_000;

/// Objects looked at in a large file.
const MAX_REACHED: usize = 20_000;

/// Where a page leads, and where its document does, but to other pages and to what is as long as the file.
const NOT_FOLLOWED: [&[u8]; 10] =
    [b"Pages", b"Parent", b"P", b"Outlines", b"StructTreeRoot", b"Dests", b"Dest", b"D", b"IRT", b"Popup"];

/// Names of signature fields that are listed.
const MAX_FIELDS: usize = 8;

/// Characters of one field's name.
const MAX_NAME: usize = 64;

/// What was found in all objects of a file.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    counts: [u32; Removed::ALL.len()],
    /// Specifications of files inside; each has one or two streams.
    embedding: u32,
    /// Signature dictionaries, and fields that have one.
    signatures: u32,
    signed_fields: u32,
    /// The names of those fields.
    pub(crate) fields: Vec<String>,
    /// The catalog grants usage rights, whose signature is nobody's under the document.
    usage_rights: bool,
    pub(crate) portfolio: bool,
}

/// What makes a file one that cannot leave as it is.
const ACTIVE: [Removed; 8] = [
    Removed::Scripts,
    Removed::LaunchActions,
    Removed::SubmitActions,
    Removed::ImportActions,
    Removed::RemoteActions,
    Removed::EmbeddedFiles,
    Removed::XfaForms,
    Removed::RichMedia,
];

/// What actions act on, and no element of the structure has.
const ACTED_ON: [&[u8]; 6] = [b"JS", b"F", b"Win", b"Sound", b"OP", b"TA"];

/// Keys of the list of a file's streams.
const EMBEDDED: [&[u8]; 5] = [b"F", b"UF", b"DOS", b"Mac", b"Unix"];

impl Inventory {
    /// Looks at every object, or, in a large file that is cut down to these pages anyway, at those that
    /// matter.
    pub(crate) fn take(source: &Source, pages: &[Page], whole: bool, deadline: Deadline) -> Result<Self, Failure> {
        let mut inventory = Self::default();
        if !whole && source.size().is_some_and(|size| size > LARGE) {
            inventory.reach(source, pages, deadline)?;
            return Ok(inventory);
        }
        let mut seen = 0u32;
        source.each(&mut |value| {
            seen = seen.wrapping_add(1);
            if seen.is_multiple_of(64) && deadline.is_over() {
                return Err(Error::new(ErrorKind::Timeout, "looking at all objects took too long").into());
            }
            inventory.object(value, Some(source))?;
            Ok(())
        })?;
        let catalog = source.catalog()?;
        inventory.catalog(source, &catalog)?;
        Ok(inventory)
    }

    /// Looks at what the catalog and the pages reach.
    fn reach(&mut self, source: &Source, pages: &[Page], deadline: Deadline) -> Result<(), Failure> {
        let catalog = source.catalog()?;
        self.catalog(source, &catalog)?;
        let mut seen: HashSet<Id> = pages.iter().filter_map(|page| page.id).collect();
        let mut work: Vec<Id> = Vec::new();
        let roots = std::iter::once(&catalog).chain(pages.iter().map(|page| &page.dict));
        for root in roots {
            let root = Value::Plain(Object::Dict(root.clone()));
            self.object(&root, Some(source))?;
            follow(&root, &mut work);
        }
        while let Some(id) = work.pop() {
            if !seen.insert(id) {
                continue;
            }
            if seen.len() > MAX_REACHED || (seen.len().is_multiple_of(64) && deadline.is_over()) {
                return Ok(());
            }
            let value = source.get(id)?;
            if value.dict().is_some_and(|dict| matches!(dict.get_name(b"Type"), Some(b"Page" | b"Pages"))) {
                continue;
            }
            self.object(&value, Some(source))?;
            follow(&value, &mut work);
        }
        Ok(())
    }

    /// How many of a kind there are.
    pub(crate) fn count(&self, kind: Removed) -> u32 {
        let counted = self.counts[kind as usize];
        if kind == Removed::EmbeddedFiles { counted.max(self.embedding) } else { counted }
    }

    /// Signatures under the document.
    pub(crate) fn signatures(&self) -> u32 {
        if self.usage_rights { self.signed_fields } else { self.signed_fields.max(self.signatures) }
    }

    /// Whether something in the file acts, or carries what is not seen.
    pub(crate) fn is_active(&self) -> bool {
        ACTIVE.iter().any(|kind| self.count(*kind) > 0)
    }

    fn add(&mut self, kind: Removed) {
        let count = &mut self.counts[kind as usize];
        *count = count.saturating_add(1);
    }

    fn catalog(&mut self, source: &Source, catalog: &Dict) -> Result<(), Leave> {
        self.portfolio = catalog.contains(b"Collection");
        if let Value::Plain(Object::Dict(rights)) = source.entry(catalog, b"Perms")? {
            self.usage_rights = rights.contains(b"UR3") || rights.contains(b"UR");
        }
        for (key, kind) in [
            (b"Outlines".as_slice(), Removed::Outlines),
            (b"StructTreeRoot", Removed::Structure),
            (b"PageLabels", Removed::PageLabels),
            (b"Dests", Removed::Destinations),
            (b"Threads", Removed::Threads),
            (b"DSS", Removed::ValidationData),
        ] {
            if source.entry(catalog, key)? != Value::NULL {
                self.add(kind);
            }
        }
        // A form without a list of fields is known by where it stands.
        if let Value::Plain(Object::Dict(form)) = source.entry(catalog, b"AcroForm")?
            && form.contains(b"XFA")
            && !form.contains(b"Fields")
        {
            self.add(Removed::XfaForms);
        }
        if let Value::Plain(Object::Dict(names)) = source.entry(catalog, b"Names")?
            && names.contains(b"Dests")
        {
            self.add(Removed::Destinations);
        }
        if source.info().is_some_and(|info| !info.entries().is_empty()) {
            self.add(Removed::Information);
        }
        Ok(())
    }

    /// Looks at an object; at what its own parts refer to only where there is a source to ask.
    fn object(&mut self, value: &Value, source: Option<&Source>) -> Result<(), Leave> {
        let mut work: Vec<&Object> = Vec::new();
        match value {
            Value::Plain(object) => work.push(object),
            Value::Stream(stream) => {
                self.stream(&stream.dict);
                self.dict(&stream.dict, source)?;
                work.extend(stream.dict.values());
            }
        }
        while let Some(object) = work.pop() {
            match object {
                Object::Array(items) => work.extend(items.iter().filter(|item| is_container(item))),
                Object::Dict(dict) => {
                    self.dict(dict, source)?;
                    work.extend(dict.values().filter(|value| is_container(value)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn stream(&mut self, dict: &Dict) {
        match dict.get_name(b"Type") {
            Some(b"EmbeddedFile") => self.add(Removed::EmbeddedFiles),
            Some(b"Metadata") => self.add(Removed::Metadata),
            _ => {}
        }
        // Its data live in another file, or what it shows is a page of one.
        let shows_another = dict.get_name(b"Subtype") == Some(b"Form") && dict.contains(b"Ref");
        if shows_another || (dict.contains(b"F") && dict.contains(b"Length")) {
            self.add(Removed::RemoteActions);
        }
    }

    fn dict(&mut self, dict: &Dict, source: Option<&Source>) -> Result<(), Leave> {
        if dict.is_empty() {
            return Ok(());
        }
        let is_text = |key: &[u8]| matches!(dict.get(key), Some(Object::String(_)));
        match name_of(dict, b"S", source)?.as_deref() {
            // An element of the structure may be called anything; it has nothing that an action acts on.
            Some(_) if dict.contains(b"K") && dict.contains(b"P") && !ACTED_ON.iter().any(|key| dict.contains(key)) => {
            }
            Some(b"JavaScript") => self.add(Removed::Scripts),
            Some(b"Launch") => self.add(Removed::LaunchActions),
            Some(b"SubmitForm") => self.add(Removed::SubmitActions),
            Some(b"ImportData") => self.add(Removed::ImportActions),
            Some(b"GoToR" | b"GoToE") => self.add(Removed::RemoteActions),
            Some(b"Thread") if dict.contains(b"F") => self.add(Removed::RemoteActions),
            Some(b"Rendition" | b"Movie" | b"Sound" | b"GoTo3DView" | b"RichMediaExecute") => {
                self.add(Removed::RichMedia)
            }
            _ if is_text(b"JS") => self.add(Removed::Scripts),
            _ => {}
        }
        match name_of(dict, b"Subtype", source)?.as_deref() {
            Some(b"RichMedia" | b"Movie" | b"Sound" | b"Screen" | b"3D") if dict.contains(b"Rect") => {
                self.add(Removed::RichMedia);
            }
            Some(b"Link") if dict.contains(b"A") || dict.contains(b"Dest") => self.add(Removed::Links),
            Some(b"Link" | b"Widget" | b"Popup") | None => {}
            Some(_) if is_text(b"T") && dict.contains(b"Rect") => self.add(Removed::Authors),
            Some(_) => {}
        }
        let embeds = match (dict.get(b"EF"), source) {
            (Some(Object::Dict(_)), _) => true,
            // Fonts may be called so, and are referred to as well.
            (Some(list @ Object::Ref(_)), Some(source)) => {
                let list = source.resolve(list)?;
                list.dict().is_some_and(|list| EMBEDDED.iter().any(|key| list.contains(key)))
            }
            _ => false,
        };
        if embeds {
            self.embedding = self.embedding.saturating_add(1);
        }
        if dict.contains(b"XFA") && dict.contains(b"Fields") {
            self.add(Removed::XfaForms);
        }
        let kind = name_of(dict, b"Type", source)?;
        if matches!(kind.as_deref(), Some(b"Sig" | b"DocTimeStamp")) || dict.contains(b"ByteRange") {
            self.signatures = self.signatures.saturating_add(1);
        }
        if dict.get_name(b"FT") == Some(b"Sig") && dict.get(b"V").is_some_and(|value| *value != Object::Null) {
            self.signed_fields = self.signed_fields.saturating_add(1);
            if self.fields.len() < MAX_FIELDS
                && let Some(Object::String(title)) = dict.get(b"T")
            {
                self.fields.push(name(title));
            }
        }
        if dict.contains(b"PieceInfo") {
            self.add(Removed::PrivateData);
        }
        if kind.as_deref() == Some(b"Page") && dict.contains(b"Thumb") {
            self.add(Removed::Thumbnails);
        }
        Ok(())
    }
}

/// The name under a key, also where it is an object of its own.
fn name_of<'d>(dict: &'d Dict, key: &[u8], source: Option<&Source>) -> Result<Option<Cow<'d, [u8]>>, Leave> {
    Ok(match (dict.get(key), source) {
        (Some(Object::Name(name)), _) => Some(Cow::Borrowed(name.as_bytes())),
        (Some(reference @ Object::Ref(_)), Some(source)) => {
            source.resolve(reference)?.into_plain().as_name().map(|name| Cow::Owned(name.to_vec()))
        }
        _ => None,
    })
}

/// The references of an object that lead on.
fn follow(value: &Value, refs: &mut Vec<Id>) {
    let mut work: Vec<&Object> = Vec::new();
    match value {
        Value::Plain(object) => work.push(object),
        Value::Stream(stream) => work.extend(leading_on(&stream.dict)),
    }
    while let Some(object) = work.pop() {
        match object {
            Object::Ref(id) => refs.push(*id),
            Object::Array(items) => work.extend(items),
            Object::Dict(dict) => work.extend(leading_on(dict)),
            _ => {}
        }
    }
}

fn leading_on(dict: &Dict) -> impl Iterator<Item = &Object> {
    let entries = dict.entries().into_iter();
    entries.filter(|(key, _)| !NOT_FOLLOWED.iter().any(|denied| key == *denied)).map(|(_, value)| value)
}

fn is_container(object: &Object) -> bool {
    matches!(object, Object::Array(_) | Object::Dict(_))
}

/// A text string for people, its length bounded and without control characters.
fn name(text: &[u8]) -> String {
    let wide = |units: &[u8], read: fn([u8; 2]) -> u16| {
        let units = units.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
        char::decode_utf16(units).map(|c| c.unwrap_or('?')).collect::<String>()
    };
    let text = match text {
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        bytes => bytes.iter().map(|b| char::from(*b)).collect(),
    };
    text.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}

/// Earlier revisions of a file: updates are written behind what they change, each with its own end.
pub(crate) fn revisions(bytes: &[u8]) -> u32 {
    let ends = memchr::memmem::find_iter(bytes, b"startxref").filter(|at| {
        let digits = bytes[at + 9..].iter().skip_while(|b| b.is_ascii_whitespace());
        // The first part of a linearized file ends with 0.
        let mut digits = digits.take_while(|b| b.is_ascii_digit()).peekable();
        digits.peek().is_some() && digits.any(|b| *b != b'0')
    });
    u32::try_from(ends.count().saturating_sub(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::parse_dict;

    fn of(text: &str) -> Inventory {
        let mut inventory = Inventory::default();
        inventory.object(&Value::Plain(Object::Dict(parse_dict(text.into()).unwrap())), None).unwrap();
        inventory
    }

    #[test]
    fn what_acts_is_told_from_what_does_not() {
        for (kind, text) in [
            (Removed::Scripts, "<</A[<</S/JavaScript/JS(app.alert\\(1\\))>>]>>"),
            (Removed::Scripts, "<</S/JavaScript/JS 7 0 R>>"),
            (Removed::LaunchActions, "<</AA<</O<</S/Launch/F(x.exe)>>>>>>"),
            (Removed::SubmitActions, "<</S/SubmitForm/F 7 0 R>>"),
            (Removed::ImportActions, "<</S/ImportData>>"),
            (Removed::RemoteActions, "<</S/GoToR/F(other.pdf)>>"),
            (Removed::RemoteActions, "<</S/Thread/F(other.pdf)/D 0>>"),
            (Removed::Scripts, "<</S/JavaScript/JS 7 0 R/K 0/P 5 0 R>>"),
            (Removed::LaunchActions, "<</S/Launch/F(x.exe)/K 0/P 5 0 R>>"),
            (Removed::EmbeddedFiles, "<</Type/Filespec/EF<</F 7 0 R>>>>"),
            (Removed::XfaForms, "<</AcroForm<</Fields[]/XFA[(template)7 0 R]>>>>"),
            (Removed::RichMedia, "<</Subtype/RichMedia/Rect[0 0 9 9]>>"),
        ] {
            assert_eq!(of(text).count(kind), 1, "{text}");
            assert!(of(text).is_active(), "{text}");
        }
        for text in [
            "<</OpenAction[3 0 R/Fit]/Names<</Dests 7 0 R>>>>",
            "<</OpenAction<</S/GoTo/D[3 0 R/Fit]>>>>",
            "<</Subtype/Link/A<</S/URI/URI(http://x)>>>>",
            "<</Font<</JS 5 0 R/EF 6 0 R>>/XObject<</XFA 7 0 R/F 8 0 R>>>>",
            "<</Type/StructElem/S/Sound/P 5 0 R/K 0>>",
            "<</Type/Sig/ByteRange[0 1 2 3]/Contents<00>>>",
        ] {
            assert!(!of(text).is_active(), "{text}");
        }
    }

    #[test]
    fn signatures_are_counted_and_fields_named() {
        let field = of("<</FT/Sig/T(Signature\\0011)/V 7 0 R>>");
        assert_eq!((field.signatures(), field.fields.as_slice()), (1, ["Signature1".to_owned()].as_slice()));
        assert_eq!(of("<</FT/Sig/T(empty)>>").signatures(), 0);
        assert_eq!(of("<</Type/Sig/ByteRange[0 1 2 3]>>").signatures(), 1);
        assert_eq!(of("<</FT/Sig/T<FEFF00DC0062>/V<</Type/Sig>>>>").fields, ["Üb"]);
    }

    #[test]
    fn revisions_are_ends_behind_the_first() {
        assert_eq!(revisions(b"startxref 100 %%EOF"), 0);
        assert_eq!(revisions(b"startxref\n0\n%%EOF startxref\n116\n%%EOF"), 0);
        assert_eq!(revisions(b"startxref\n9\n%%EOF startxref\n116\n%%EOF startxref 300 %%EOF"), 2);
    }
}
