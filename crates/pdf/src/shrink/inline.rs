//! Images inside content streams become objects of their own, which can be re-encoded like all
//! others. Only done to pages over the byte limit.

use std::collections::HashMap;

use bytes::Bytes;

use super::SMALLEST_IMAGE;
use crate::clock::Deadline;
use crate::inflate;
use crate::inline::{self, Inline};
use crate::object::{Dict, Id, Name, Object, Stream, Value};
use crate::objects::Objects;
use crate::policy::Policy;
use crate::write::{Document, deflate};

/// Lifts images out of the content of pages and of forms with resources of their own.
pub(super) fn lift(document: &mut Document, policy: &Policy, deadline: Deadline) {
    let limit = policy.max_inflated_bytes.min(256 << 20);
    let mut next = document.objects.iter().map(|(number, _)| number + 1).max().unwrap_or(1);
    let (mut changed, mut lifted): (HashMap<u32, Value>, HashMap<u32, Vec<Lifted>>) = (HashMap::new(), HashMap::new());
    let mut images = Vec::new();
    let objects = Objects::of(document);
    for (number, value) in &document.objects {
        if deadline.is_over() {
            break;
        }
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
    if stream.data.len() < SMALLEST_IMAGE {
        return None;
    }
    let content = inflate::undo(stream, limit).ok()?;
    let (mut lifted, mut out, mut copied) = (Vec::new(), Vec::new(), 0);
    for image in inline::images(&content, SMALLEST_IMAGE) {
        let whole = image.whole.clone();
        let stream = image_of(image, &content, resources, objects);
        let name = format!("SealedImage{next}");
        out.extend_from_slice(&content[copied..whole.start]);
        out.extend_from_slice(format!(" /{name} Do ").as_bytes());
        copied = whole.end;
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

/// The image as an object.
fn image_of(image: Inline, content: &Bytes, resources: &Dict, objects: &Objects<'_>) -> Stream {
    let mut dict = image.dict;
    if let Some(Object::Name(name)) = dict.get(b"ColorSpace")
        && let Some(named) = objects.dict(resources, b"ColorSpace").and_then(|spaces| spaces.get(name.as_bytes()))
        && !name.as_bytes().starts_with(b"Device")
    {
        let named = named.clone();
        dict.set(b"ColorSpace", named);
    }
    dict.push(b"Type", Object::name(b"XObject"));
    dict.push(b"Subtype", Object::name(b"Image"));
    Stream { dict, data: content.slice(image.data) }
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
