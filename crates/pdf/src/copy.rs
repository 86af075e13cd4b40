//! The closure copier: what the kept pages reach, and nothing else.
//!
//! A work list and a table of numbers: every object is looked up once, gets the next number when it is
//! first met, and is rewritten with the new numbers. What a dictionary may keep depends on its *role*:
//! pages, annotations and form fields have lists of what is allowed; resource categories keep every
//! entry, because their keys are names of the page's own choosing; everything else loses the keys that
//! can only carry metadata, structure, scripts or files. References to pages that are not kept, to
//! actions, attachments and XMP become null.

use std::collections::{HashMap, VecDeque};
use std::io::Read as _;

use flate2::bufread::ZlibDecoder;
use memchr::memmem;

use crate::clock::Deadline;
use crate::error::{Error, ErrorKind};
use crate::form::Forms;
use crate::jpeg;
use crate::layers;
use crate::object::{Dict, Id, Object, Stream, Value};
use crate::policy::Policy;
use crate::resources;
use crate::source::{Failure, Leave, Source, refs};
use crate::walk::Page;
use crate::write::{Document, reference};

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
    fn is_known_by_its_entries(self) -> bool {
        !matches!(self, Self::Names | Self::Resources)
    }
}

const PAGE_KEYS: [&[u8]; 7] = [b"MediaBox", b"CropBox", b"Rotate", b"Resources", b"Contents", b"Group", b"UserUnit"];

/// What draws an annotation, with or without an appearance stream, and what a widget shares with its
/// field. No actions, no destinations, no files, no authors, no dates.
const ANNOTATION_KEYS: [&[u8]; 56] = [
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

/// Copies the pages, in order, into a document of their own.
pub(crate) fn copy(source: &Source, pages: &[Page], policy: &Policy, deadline: Deadline) -> Result<Document, Failure> {
    let catalog = source.catalog()?;
    let forms = Forms::collect(source, &catalog, pages, policy)?;
    let copier = Copier {
        source,
        forms,
        numbers: HashMap::new(),
        work: VecDeque::new(),
        objects: Vec::new(),
        // 1 is the catalog, 2 the page tree, then the pages.
        next: 3 + u32::try_from(pages.len()).unwrap_or(u32::MAX),
        limit: policy.max_objects,
        keep_metadata: policy.keep_metadata,
        deadline,
    };
    copier.run(&catalog, pages)
}

pub(crate) struct Copier<'s> {
    pub(crate) source: &'s Source,
    pub(crate) forms: Forms,
    numbers: HashMap<Id, u32>,
    work: VecDeque<(u32, Value, Role)>,
    objects: Vec<(u32, Value)>,
    next: u32,
    limit: u32,
    keep_metadata: bool,
    deadline: Deadline,
}

impl Copier<'_> {
    fn run(mut self, catalog: &Dict, pages: &[Page]) -> Result<Document, Failure> {
        for (number, page) in (3..).zip(pages) {
            if let Some(id) = page.id {
                self.numbers.entry(id).or_insert(number);
            }
        }
        for (index, page) in pages.iter().enumerate() {
            let page = self.page(index, page)?;
            self.objects.push((3 + u32::try_from(index).unwrap_or(u32::MAX), Value::Plain(page)));
            self.drain()?;
        }
        let mut root = Dict::default();
        root.push(b"Type", Object::name(b"Catalog"));
        root.push(b"Pages", reference(2));
        if let Some(form) = self.acro_form(catalog)? {
            root.push(b"AcroForm", form);
            self.drain()?;
        }
        if let Some(layers) = layers::copy(&mut self, catalog)? {
            root.push(b"OCProperties", layers);
            self.drain()?;
        }
        let info = if self.keep_metadata { self.metadata(catalog, &mut root)? } else { None };
        self.objects.push((1, Value::Plain(Object::Dict(root))));

        let kids = (0..pages.len()).map(|i| reference(3 + u32::try_from(i).unwrap_or(u32::MAX))).collect();
        let mut tree = Dict::default();
        tree.push(b"Type", Object::name(b"Pages"));
        tree.push(b"Count", Object::Int(i64::try_from(pages.len()).unwrap_or(i64::MAX)));
        tree.push(b"Kids", Object::Array(kids));
        self.objects.push((2, Value::Plain(Object::Dict(tree))));
        Ok(Document { objects: self.objects, root: 1, info })
    }

    fn page(&mut self, index: usize, page: &Page) -> Result<Object, Failure> {
        let mut out = Dict::default();
        out.push(b"Type", Object::name(b"Page"));
        out.push(b"Parent", reference(2));
        for key in PAGE_KEYS {
            let narrowed = if key == b"Resources" { resources::narrowed(self.source, page)? } else { None };
            let narrowed = narrowed.map(Object::Dict);
            let Some(value) = narrowed.as_ref().or_else(|| page.dict.get(key)) else { continue };
            let role = match key {
                b"Resources" => Role::Resources,
                b"Contents" => Role::Contents,
                _ => Role::Generic,
            };
            let value = self.transform(value.clone(), role)?;
            if value != Object::Null {
                out.push(key, value);
            }
        }
        if !out.contains(b"MediaBox") {
            // Required, and where it is missing readers assume US Letter.
            out.push(b"MediaBox", Object::Array([0, 0, 612, 792].map(Object::Int).to_vec()));
        }
        if !out.contains(b"Resources") {
            out.push(b"Resources", Object::Dict(Dict::default()));
        }
        let annotations = self.forms.annotations(index);
        if !annotations.is_empty() {
            let annotations = self.transform(Object::Array(annotations), Role::Annotation)?;
            out.push(b"Annots", annotations);
        }
        Ok(Object::Dict(out))
    }

    /// The document information and the catalog's XMP, for those who want to keep them.
    fn metadata(&mut self, catalog: &Dict, root: &mut Dict) -> Result<Option<u32>, Failure> {
        if let Value::Stream(mut xmp) = self.source.entry(catalog, b"Metadata")? {
            xmp.dict.remove(b"Length");
            let number = self.number()?;
            self.objects.push((number, Value::Stream(xmp)));
            root.push(b"Metadata", reference(number));
        }
        let Some(info) = self.source.info() else { return Ok(None) };
        let mut kept = Dict::default();
        for (key, value) in info.entries() {
            if let Value::Plain(value @ (Object::String(_) | Object::Name(_))) = self.source.resolve(value)? {
                kept.push(key.as_bytes(), value);
            }
        }
        let number = self.number()?;
        self.objects.push((number, Value::Plain(Object::Dict(kept))));
        Ok(Some(number))
    }

    /// The number that the copy of an object has, if it was met.
    pub(crate) fn met(&self, id: Id) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    fn number(&mut self) -> Result<u32, Failure> {
        if self.next >= self.limit {
            return Err(Error::new(ErrorKind::Limit, "the pages reach more objects than the policy allows").into());
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    fn drain(&mut self) -> Result<(), Failure> {
        while let Some((number, value, role)) = self.work.pop_front() {
            if self.deadline.is_over() {
                return Err(Error::new(ErrorKind::Timeout, "copying the pages took too long").into());
            }
            let value = match value {
                Value::Plain(object) => Value::Plain(self.transform(object, role)?),
                Value::Stream(stream) => Value::Stream(self.stream(stream)?),
            };
            self.objects.push((number, value));
        }
        Ok(())
    }

    /// Rewrites a direct object. Descends at most `MAX_DEPTH` levels: no deeper object exists.
    pub(crate) fn transform(&mut self, object: Object, role: Role) -> Result<Object, Failure> {
        match object {
            Object::Ref(id) => self.refer(id, role),
            Object::Array(items) if role == Role::FieldKids => self.kids(&items),
            Object::Array(items) => {
                let items: Result<Vec<_>, _> = items.into_iter().map(|item| self.transform(item, role)).collect();
                Ok(Object::Array(items?))
            }
            Object::Dict(dict) if role.is_known_by_its_entries() && forbidden(&dict) => Ok(Object::Null),
            Object::Dict(dict) => Ok(Object::Dict(self.dict(&dict, role)?)),
            Object::Kids(kids) => {
                let items: Result<Vec<_>, _> = refs(kids).map(|id| id.map(Object::Ref)).collect();
                self.transform(Object::Array(items?), role)
            }
            object => Ok(object),
        }
    }

    /// The new reference to an object, which is put on the work list when it is met for the first time.
    pub(crate) fn refer(&mut self, id: Id, role: Role) -> Result<Object, Failure> {
        if let Some(number) = self.met(id) {
            return Ok(reference(number));
        }
        let value = self.source.get(id)?;
        let forbidden = match &value {
            Value::Plain(Object::Null) => true,
            Value::Plain(Object::Dict(dict)) => {
                role.is_known_by_its_entries() && (forbidden(dict) || is_page_tree(dict))
            }
            Value::Plain(_) => false,
            Value::Stream(stream) => is_baggage(stream, role),
        };
        if forbidden {
            return Ok(Object::Null);
        }
        let number = self.number()?;
        self.numbers.insert(id, number);
        self.work.push_back((number, value, role));
        Ok(reference(number))
    }

    fn kids(&mut self, items: &[Object]) -> Result<Object, Failure> {
        let mut kept = Vec::new();
        for id in items.iter().filter_map(Object::as_ref_id) {
            if let Some(role) = self.forms.role(id) {
                kept.push(self.refer(id, role)?);
            }
        }
        Ok(Object::Array(kept))
    }

    fn dict(&mut self, dict: &Dict, role: Role) -> Result<Dict, Failure> {
        let mut out = Dict::default();
        for (key, value) in dict.entries() {
            let key = key.as_bytes();
            if allowed(role, key)
                && let Some(child) = self.child_role(role, key, value)?
            {
                let value = self.transform(value.clone(), child)?;
                out.push(key, value);
            }
        }
        Ok(out)
    }

    fn stream(&mut self, stream: Stream) -> Result<Stream, Failure> {
        let mut dict = self.dict(&stream.dict, Role::Generic)?;
        // `/F` makes the data live in another file; the length is the writer's business.
        for key in [b"Length".as_slice(), b"F", b"FFilter", b"FDecodeParms", b"DL"] {
            dict.remove(key);
        }
        if dict.get_name(b"Subtype") == Some(b"Form") {
            // A reference XObject points into another file.
            dict.remove(b"Ref");
        }
        let data = match jpeg::without_metadata(&stream) {
            Some(data) if !self.keep_metadata => data,
            _ => stream.data,
        };
        Ok(Stream { dict, data })
    }

    /// The role of an entry's value, or `None` where the entry must not be kept after all.
    fn child_role(&self, role: Role, key: &[u8], value: &Object) -> Result<Option<Role>, Leave> {
        Ok(Some(match (role, key) {
            (Role::Resources, b"ProcSet") | (Role::Names, _) => Role::Generic,
            (Role::Resources, _) => Role::Names,
            (Role::Appearance, _) => Role::Names,
            (Role::Annotation, b"AP") => Role::Appearance,
            (Role::Annotation | Role::Field, b"Parent") => {
                return Ok(value.as_ref_id().and_then(|id| self.forms.role(id)));
            }
            (Role::Annotation | Role::Field, b"Kids") => Role::FieldKids,
            (Role::Annotation | Role::Field, b"V" | b"DV") => {
                // The value of a signature is a dictionary; every other value is text or a name.
                let signature = matches!(self.source.resolve(value)?, Value::Plain(Object::Dict(_)));
                return Ok((!signature).then_some(Role::Generic));
            }
            (_, b"Resources" | b"DR") => Role::Resources,
            (_, b"CharProcs" | b"Colorants") => Role::Names,
            _ => Role::Generic,
        }))
    }
}

fn allowed(role: Role, key: &[u8]) -> bool {
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
        Role::Generic | Role::Contents | Role::FieldKids => !DENIED_KEYS.contains(&key),
    }
}

/// Dictionaries that draw nothing and do or carry something: actions, attachments, signatures.
fn forbidden(dict: &Dict) -> bool {
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

fn is_page_tree(dict: &Dict) -> bool {
    matches!(dict.get_name(b"Type"), Some(b"Page" | b"Pages" | b"Template"))
}

/// Streams that draw nothing: attachments, and XMP whether it says so or not.
fn is_baggage(stream: &Stream, role: Role) -> bool {
    match stream.dict.get_name(b"Type") {
        Some(b"EmbeddedFile" | b"Metadata" | b"ObjStm" | b"XRef") => return true,
        Some(_) => return false,
        None => {}
    }
    if role == Role::Contents || stream.dict.contains(b"Subtype") {
        return stream.dict.get_name(b"Subtype") == Some(b"XML");
    }
    let plain = match stream.dict.get(b"Filter") {
        None => true,
        Some(Object::Name(name)) if name.as_bytes() == b"FlateDecode" => false,
        _ => return false,
    };
    let mut head = [0; 512];
    let head = if plain {
        &stream.data[..stream.data.len().min(512)]
    } else {
        let read = ZlibDecoder::new(&stream.data[..]).read(&mut head).unwrap_or(0);
        &head[..read]
    };
    memmem::find(head, b"<?xpacket").is_some() || memmem::find(head, b"<x:xmpmeta").is_some()
}
