//! Large images inside content streams become objects of their own, which can be re-encoded like all
//! others. Only done to pages over the byte limit.

use std::collections::HashMap;
use std::ops::Range;

use bytes::Bytes;
use hayro_syntax::content::TypedIter;
use hayro_syntax::content::ops::TypedInstruction;
use memchr::memmem;

use super::SMALL;
use crate::inflate;
use crate::object::{Dict, Id, Name, Object, Stream, Value};
use crate::objects::Objects;
use crate::policy::Policy;
use crate::source::parse_dict;
use crate::write::{Document, deflate};

/// Keys of images in content and what they stand for (ISO 32000-1, table 93).
const KEYS: [(&[u8], &[u8]); 10] = [
    (b"BPC", b"BitsPerComponent"),
    (b"CS", b"ColorSpace"),
    (b"D", b"Decode"),
    (b"DP", b"DecodeParms"),
    (b"F", b"Filter"),
    (b"H", b"Height"),
    (b"IM", b"ImageMask"),
    (b"I", b"Interpolate"),
    (b"W", b"Width"),
    (b"L", b"Length"),
];

/// Names of colour spaces and filters (ISO 32000-1, table 94).
const NAMES: [(&[u8], &[u8]); 11] = [
    (b"G", b"DeviceGray"),
    (b"RGB", b"DeviceRGB"),
    (b"CMYK", b"DeviceCMYK"),
    (b"I", b"Indexed"),
    (b"AHx", b"ASCIIHexDecode"),
    (b"A85", b"ASCII85Decode"),
    (b"LZW", b"LZWDecode"),
    (b"Fl", b"FlateDecode"),
    (b"RL", b"RunLengthDecode"),
    (b"CCF", b"CCITTFaxDecode"),
    (b"DCT", b"DCTDecode"),
];

/// Lifts images out of the content of pages and of forms with resources of their own.
pub(super) fn lift(document: &mut Document, policy: &Policy) {
    let limit = policy.max_inflated_bytes.min(256 << 20);
    let mut next = document.objects.iter().map(|(number, _)| number + 1).max().unwrap_or(1);
    let (mut changed, mut lifted): (HashMap<u32, Value>, HashMap<u32, Vec<Lifted>>) = (HashMap::new(), HashMap::new());
    let mut images = Vec::new();
    let objects = Objects::of(document);
    for (number, value) in &document.objects {
        let Some(dict) = value.dict() else { continue };
        let streams = match value {
            Value::Plain(_) if dict.get_name(b"Type") == Some(b"Page") => objects.contents(dict),
            Value::Stream(_) if dict.get_name(b"Subtype") == Some(b"Form") => vec![*number],
            _ => continue,
        };
        let Some(resources) = objects.dict(dict, b"Resources").cloned() else { continue };
        let mut mine = Vec::new();
        for stream in streams {
            // Content that two pages share is lifted once; each of them gets the names.
            if !lifted.contains_key(&stream)
                && let Some(Value::Stream(content)) = objects.get(stream)
                && let Some((smaller, found)) = lift_from(content, &resources, &objects, &mut next, limit)
            {
                changed.insert(stream, Value::Stream(smaller));
                images.extend(found.iter().map(|image| (image.number, Value::Stream(image.stream.clone()))));
                lifted.insert(stream, found);
            }
            mine.extend(lifted.get(&stream).into_iter().flatten().map(|image| (image.name.clone(), image.number)));
        }
        if !mine.is_empty() {
            let resources = named(resources, &objects, &mine);
            let holder = changed.remove(number).unwrap_or_else(|| value.clone());
            changed.insert(*number, with_resources(holder, resources));
        }
    }
    for (number, value) in &mut document.objects {
        if let Some(changed) = changed.remove(number) {
            *value = changed;
        }
    }
    document.objects.append(&mut images);
}

/// An image that was in content.
struct Lifted {
    number: u32,
    name: Name,
    stream: Stream,
}

fn lift_from(
    stream: &Stream,
    resources: &Dict,
    objects: &Objects<'_>,
    next: &mut u32,
    limit: u64,
) -> Option<(Stream, Vec<Lifted>)> {
    // What is small when packed may hold nothing large that matters.
    if stream.data.len() < SMALL {
        return None;
    }
    let content = inflate::undo(stream, limit).ok()?;
    let (mut lifted, mut out, mut copied) = (Vec::new(), Vec::new(), 0);
    let mut operators = TypedIter::new(&content);
    while let Some(operator) = operators.next() {
        let TypedInstruction::InlineImage(image) = operator else { continue };
        let std::borrow::Cow::Borrowed(data) = image.0.raw_data() else { continue };
        let Some(place) = (data.len() >= SMALL).then(|| place(&content, data)).flatten() else { continue };
        let Some(stream) = image_of(&content, &place, resources, objects) else { continue };
        let name = format!("SealedImage{next}");
        out.extend_from_slice(&content[copied..place.whole.start]);
        out.extend_from_slice(format!(" /{name} Do ").as_bytes());
        copied = place.whole.end;
        lifted.push(Lifted { number: *next, name: Name::new(name.as_bytes()), stream });
        *next += 1;
    }
    if lifted.is_empty() {
        return None;
    }
    out.extend_from_slice(&content[copied..]);
    let mut dict = stream.dict.clone();
    dict.remove(b"DecodeParms");
    dict.set(b"Filter", Object::name(b"FlateDecode"));
    Some((Stream { dict, data: Bytes::from(deflate(&out)) }, lifted))
}

/// Where an image stands in content: all of it, its dictionary, its data.
struct Place {
    whole: Range<usize>,
    dict: Range<usize>,
    data: Range<usize>,
}

/// `BI` dictionary `ID` data `EI`, found from the data.
fn place(content: &[u8], data: &[u8]) -> Option<Place> {
    let start = data.as_ptr().addr().checked_sub(content.as_ptr().addr())?;
    let end = start.checked_add(data.len()).filter(|end| *end <= content.len())?;
    if !content[end..].starts_with(b"EI") {
        return None;
    }
    let head = &content[..start];
    let id = memmem::rfind(&head[head.len().saturating_sub(4)..], b"ID")? + head.len().saturating_sub(4);
    // The nearest `BI` that is a word. A dictionary with that word in it is not taken apart rightly, does
    // not parse, and stays where it is.
    let word = |at: usize| {
        let free = |b: Option<&u8>| b.is_none_or(|b| !b.is_ascii_alphanumeric());
        free(at.checked_sub(1).and_then(|at| head.get(at))) && free(head.get(at + 2))
    };
    let begins = memmem::rfind_iter(&head[..id], b"BI").find(|at| word(*at))?;
    Some(Place { whole: begins..end + 2, dict: begins + 2..id, data: start..end })
}

fn image_of(content: &Bytes, place: &Place, resources: &Dict, objects: &Objects<'_>) -> Option<Stream> {
    let text = [b"<<", &content[place.dict.clone()], b">>"].concat();
    let mut dict = Dict::default();
    dict.push(b"Type", Object::name(b"XObject"));
    dict.push(b"Subtype", Object::name(b"Image"));
    for (key, value) in parse_dict(text)?.entries() {
        let key = KEYS.iter().find(|(short, _)| key == *short).map_or(key.as_bytes(), |(_, long)| *long);
        let value = match (key, value) {
            (b"Length", _) => continue,
            (b"ColorSpace", Object::Name(name)) if !NAMES.iter().any(|(short, _)| name == *short) => {
                let spaces = objects.dict(resources, b"ColorSpace");
                spaces.and_then(|spaces| spaces.get(name.as_bytes())).unwrap_or(value).clone()
            }
            (b"ColorSpace" | b"Filter", Object::Name(name)) => Object::Name(long(name)),
            (b"ColorSpace" | b"Filter", Object::Array(items)) => Object::Array(
                items
                    .iter()
                    .map(|item| if let Object::Name(n) = item { Object::Name(long(n)) } else { item.clone() })
                    .collect(),
            ),
            (_, value) => value.clone(),
        };
        dict.push(key, value);
    }
    Some(Stream { dict, data: content.slice(place.data.clone()) })
}

fn long(name: &Name) -> Name {
    NAMES.iter().find(|(short, _)| name == *short).map_or_else(|| name.clone(), |(_, long)| Name::new(long))
}

/// Resources with these images beside what they have.
fn named(mut resources: Dict, objects: &Objects<'_>, images: &[(Name, u32)]) -> Dict {
    let mut all = objects.dict(&resources, b"XObject").cloned().unwrap_or_default();
    for (name, number) in images {
        all.set(name.as_bytes(), Object::Ref(Id::new(*number, 0)));
    }
    resources.set(b"XObject", Object::Dict(all));
    resources
}

fn with_resources(mut holder: Value, resources: Dict) -> Value {
    match &mut holder {
        Value::Plain(Object::Dict(dict)) => dict.set(b"Resources", Object::Dict(resources)),
        Value::Stream(stream) => stream.dict.set(b"Resources", Object::Dict(resources)),
        Value::Plain(_) => {}
    }
    holder
}
