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
use crate::failure::{Failure, Leave};
use crate::form::{self, Forms};
use crate::inline;
use crate::layers;
use crate::loss::{Extent, Loss};
use crate::object::{Dict, Id, Object, Stream, Value};
use crate::pictures;
use crate::policy::Policy;
use crate::resources;
use crate::role::{PAGE_KEYS, Rewriter, Role, allowed, forbidden, is_page_tree};
use crate::source::{Lookup, Source, refs};
use crate::walk::Page;
use crate::write::{Document, reference};

/// Losses that are listed one by one.
const MAX_LOSSES: usize = 256;

/// Keys of streams and images whose values are short and needed by everybody who looks at their data.
const SPELT_OUT: [&[u8]; 8] =
    [b"Subtype", b"Filter", b"DecodeParms", b"Width", b"Height", b"BitsPerComponent", b"ImageMask", b"Decode"];

/// The number of the first page; 1 is the catalog, 2 the page tree.
const FIRST_PAGE: u32 = 3;

/// The number that the page of this index has in the copy.
pub(crate) fn page_number(index: usize) -> u32 {
    FIRST_PAGE.saturating_add(u32::try_from(index).unwrap_or(u32::MAX))
}

/// Pages in a document of their own.
pub(crate) struct Copied {
    pub(crate) document: Document,
    /// What could not be copied, in the order in which it was missed.
    pub(crate) losses: Vec<Loss>,
}

/// Copies the pages, in order, into a document of their own.
pub(crate) fn copy(source: &Source, pages: &[Page], policy: &Policy, deadline: Deadline) -> Result<Copied, Failure> {
    let catalog = source.catalog()?;
    let (forms, losses) = Forms::collect(source, &catalog, pages, policy)?;
    let copier = Copier {
        source,
        forms,
        losses,
        page: None,
        numbers: HashMap::new(),
        work: VecDeque::new(),
        objects: Vec::new(),
        next: page_number(pages.len()),
        first_part: page_number(pages.len()),
        limit: policy.max_objects,
        keep_metadata: policy.keep_metadata,
        deadline,
    };
    copier.run(&catalog, pages)
}

struct Copier<'s> {
    source: &'s Source,
    forms: Forms,
    losses: Vec<Loss>,
    /// The index of the page whose parts are being copied.
    page: Option<usize>,
    numbers: HashMap<Id, u32>,
    work: VecDeque<(u32, Value, Role)>,
    objects: Vec<(u32, Value)>,
    next: u32,
    /// The first number that is no page's.
    first_part: u32,
    limit: u32,
    keep_metadata: bool,
    deadline: Deadline,
}

impl Copier<'_> {
    fn run(mut self, catalog: &Dict, pages: &[Page]) -> Result<Copied, Failure> {
        for (number, page) in (FIRST_PAGE..).zip(pages) {
            if let Some(id) = page.id {
                self.numbers.entry(id).or_insert(number);
            }
        }
        for (index, page) in pages.iter().enumerate() {
            self.page = Some(index);
            if page.damaged.is_some() {
                self.miss(page.damaged, Extent::Part);
            }
            let page = self.page(index, page)?;
            self.objects.push((page_number(index), Value::Plain(page)));
            self.drain()?;
        }
        self.page = None;
        let source = self.source;
        if let Some(id) = source.root()?
            && matches!(source.lookup(id)?, Lookup::Damaged(_))
        {
            self.miss(Some(id.number), Extent::Part);
        }
        let mut root = Dict::default();
        root.push(b"Type", Object::name(b"Catalog"));
        root.push(b"Pages", reference(2));
        let roots = self.forms.take_roots();
        if let Some(form) = form::copy(&mut self, source, catalog, roots)? {
            root.push(b"AcroForm", form);
            self.drain()?;
        }
        if let Some(layers) = layers::copy(&mut self, source, catalog)? {
            root.push(b"OCProperties", layers);
            self.drain()?;
        }
        let info = if self.keep_metadata { self.metadata(catalog, &mut root)? } else { None };
        self.objects.push((1, Value::Plain(Object::Dict(root))));

        let kids = (0..pages.len()).map(|index| reference(page_number(index))).collect();
        let mut tree = Dict::default();
        tree.push(b"Type", Object::name(b"Pages"));
        tree.push(b"Count", Object::Int(i64::try_from(pages.len()).unwrap_or(i64::MAX)));
        tree.push(b"Kids", Object::Array(kids));
        self.objects.push((2, Value::Plain(Object::Dict(tree))));
        Ok(Copied { document: Document { objects: self.objects, root: 1, info }, losses: self.losses })
    }

    fn page(&mut self, index: usize, page: &Page) -> Result<Object, Failure> {
        let mut out = Dict::default();
        out.push(b"Type", Object::name(b"Page"));
        out.push(b"Parent", reference(2));
        let contents = self.contents(page)?;
        for key in PAGE_KEYS {
            let narrowed = if key == b"Resources" { resources::narrowed(self.source, page)? } else { None };
            let narrowed = narrowed.map(Object::Dict);
            let value = match key {
                b"Contents" => contents.as_ref(),
                _ => narrowed.as_ref().or_else(|| page.dict.get(key)),
            };
            let Some(value) = value else { continue };
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

    /// The streams of a page's content. What is there and is none is noted: such a page is not empty.
    fn contents(&mut self, page: &Page) -> Result<Option<Object>, Leave> {
        let Some(contents) = page.dict.get(b"Contents").filter(|contents| **contents != Object::Null) else {
            return Ok(None);
        };
        let parts = match self.source.resolve(contents)? {
            Value::Plain(Object::Array(parts)) => parts,
            Value::Stream(_) => return Ok(Some(self.last_of_two(contents.clone())?)),
            Value::Plain(_) => vec![contents.clone()],
        };
        let mut streams = Vec::with_capacity(parts.len());
        for part in parts {
            if matches!(self.source.resolve(&part)?, Value::Stream(_)) {
                streams.push(self.last_of_two(part)?);
            } else {
                self.miss(part.as_ref_id().map(|id| id.number), Extent::Whole);
            }
        }
        Ok((!streams.is_empty()).then_some(Object::Array(streams)))
    }

    /// What a reference to a reference leads to, as [`Source::follow`] follows it: copied as it is, the object between
    /// would be one that the standard does not know.
    fn last_of_two(&self, object: Object) -> Result<Object, Leave> {
        let between = object.as_ref_id().map(|id| self.source.get(id)).transpose()?;
        Ok(match between {
            Some(Value::Plain(last @ Object::Ref(_))) => last,
            _ => object,
        })
    }

    fn miss(&mut self, object: Option<u32>, extent: Extent) {
        let loss = Loss { page: self.page, object, extent };
        if !self.losses.contains(&loss) && self.losses.len() < MAX_LOSSES {
            self.losses.push(loss);
        }
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
                Value::Stream(stream) => Value::Stream(self.stream(stream, role)?),
            };
            self.objects.push((number, value));
        }
        Ok(())
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
        // The title of markup is its author's name; of a field it is the field's.
        let is_field = dict.contains(b"FT") || dict.get_name(b"Subtype").is_none_or(|kind| kind == b"Widget");
        for (key, value) in dict.entries() {
            let key = key.as_bytes();
            let author = role == Role::Annotation && key == b"T" && !is_field;
            if allowed(role, key)
                && !author
                && let Some(child) = self.child_role(role, key, value)?
            {
                let value = self.transform(value.clone(), child)?;
                out.push(key, value);
            }
        }
        Ok(out)
    }

    /// What says how the data of a stream are to be read, where it stands in the stream itself: whoever looks at a
    /// copy need not look for it elsewhere.
    fn spelt_out(&self, mut stream: Stream) -> Result<Stream, Leave> {
        for key in SPELT_OUT {
            let said = match stream.dict.get(key) {
                Some(Object::Ref(_)) => self.source.entry(&stream.dict, key)?.into_plain(),
                Some(Object::Array(items)) => Object::Array(items.clone()),
                _ => continue,
            };
            let said = match said {
                // Lost, or of another kind: whatever copies it says so.
                Object::Null => continue,
                Object::Array(mut items) => {
                    for item in &mut items {
                        if matches!(item, Object::Ref(_)) {
                            *item = self.source.resolve(item)?.into_plain();
                        }
                    }
                    Object::Array(items)
                }
                said => said,
            };
            stream.dict.set(key, said);
        }
        forget_crypt_filter(&mut stream.dict);
        Ok(stream)
    }

    fn stream(&mut self, stream: Stream, role: Role) -> Result<Stream, Failure> {
        let stream = self.spelt_out(stream)?;
        let is_content = role == Role::Contents
            || stream.dict.get_name(b"Subtype") == Some(b"Form")
            || stream.dict.contains(b"PatternType");
        let bare = match (self.keep_metadata, is_content) {
            (true, _) => None,
            (false, true) => inline::without_metadata(&stream),
            (false, false) => pictures::without_metadata(&stream),
        };
        let Stream { dict, data } = bare.unwrap_or(stream);
        let mut dict = self.dict(&dict, Role::Generic)?;
        // `/F` makes the data live in another file; the length is the writer's business.
        for key in [b"Length".as_slice(), b"F", b"FFilter", b"FDecodeParms", b"DL"] {
            dict.remove(key);
        }
        match dict.get_name(b"Subtype") {
            // A reference XObject points into another file.
            Some(b"Form") => dict.remove(b"Ref"),
            // What a picture was called, and whence it came.
            Some(b"Image") => [b"Name".as_slice(), b"ID"].iter().for_each(|key| dict.remove(key)),
            _ => {}
        }
        Ok(Stream { dict, data })
    }

    /// The role of an entry's value, or `None` where the entry must not be kept after all.
    fn child_role(&self, role: Role, key: &[u8], value: &Object) -> Result<Option<Role>, Leave> {
        Ok(Some(match (role, key) {
            (Role::Names, _) => Role::Named,
            (Role::Resources, b"ProcSet") => Role::Generic,
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

impl Rewriter for Copier<'_> {
    fn met(&self, id: Id) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    fn known(&mut self, source: &Source, dict: &Dict, key: &[u8]) -> Result<Value, Failure> {
        let Some(object) = dict.get(key) else { return Ok(Value::NULL) };
        let found = source.follow(object)?;
        if let Some(extent) = found.missing() {
            self.miss(object.as_ref_id().map(|id| id.number), extent);
        }
        Ok(found.value())
    }

    /// Descends at most `MAX_DEPTH` levels: no deeper object exists.
    fn transform(&mut self, object: Object, role: Role) -> Result<Object, Failure> {
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

    fn refer(&mut self, id: Id, role: Role) -> Result<Object, Failure> {
        if let Some(number) = self.met(id) {
            if role == Role::Named && number < self.first_part {
                // A page is nothing that content draws with.
                self.miss(Some(id.number), Extent::Whole);
                return Ok(Object::Null);
            }
            return Ok(reference(number));
        }
        let found = self.source.lookup(id)?;
        let damaged = matches!(found, Lookup::Damaged(_));
        let value = match found {
            Lookup::Found(value) | Lookup::Damaged(value) => value,
            Lookup::Absent => return Ok(Object::Null),
            Lookup::Lost => {
                self.miss(Some(id.number), Extent::Whole);
                return Ok(Object::Null);
            }
        };
        let forbidden = match &value {
            Value::Plain(Object::Null) => true,
            Value::Plain(Object::Dict(dict)) => {
                role.is_known_by_its_entries() && (forbidden(dict) || is_page_tree(dict))
            }
            Value::Plain(_) => false,
            Value::Stream(stream) => is_baggage(stream, role),
        };
        if forbidden {
            // What the content draws with is never one of these: whoever wrote so meant something else.
            if role == Role::Named && value != Value::NULL {
                self.miss(Some(id.number), Extent::Whole);
            }
            return Ok(Object::Null);
        }
        if damaged {
            self.miss(Some(id.number), Extent::Part);
        }
        let number = self.number()?;
        self.numbers.insert(id, number);
        self.work.push_back((number, value, role));
        Ok(reference(number))
    }
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

/// The data is plain, so the filter that said how it was encrypted, or that it was not, must go, with its parameters.
fn forget_crypt_filter(dict: &mut Dict) {
    match dict.get(b"Filter").cloned() {
        Some(Object::Name(name)) if name.as_bytes() == b"Crypt" => {
            dict.remove(b"Filter");
            dict.remove(b"DecodeParms");
        }
        Some(Object::Array(filters)) if filters.iter().any(|f| f.as_name() == Some(b"Crypt")) => {
            let keep: Vec<bool> = filters.iter().map(|f| f.as_name() != Some(b"Crypt")).collect();
            let kept = |items: &[Object]| {
                items.iter().zip(keep.iter()).filter(|(_, keep)| **keep).map(|(item, _)| item.clone()).collect()
            };
            if let Some(Object::Array(parms)) = dict.get(b"DecodeParms").cloned() {
                dict.set(b"DecodeParms", Object::Array(kept(&parms)));
            }
            dict.set(b"Filter", Object::Array(kept(&filters)));
        }
        _ => {}
    }
}
