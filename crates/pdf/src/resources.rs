//! Some producers give all pages of a document one resource dictionary, with every picture of the
//! document in it. A page keeps those that its content names; the others belong to pages that are left
//! behind.
//!
//! The search is for names, not for operators: whatever looks like the name of an object, in a string or
//! in the data of an image, counts as one. Where content does not decode, or something takes the page's
//! resources for its own, everything stays.

use std::collections::HashSet;

use crate::failure::Leave;
use crate::inflate;
use crate::object::{Dict, Name, Object, Stream, Value};
use crate::source::Source;
use crate::walk::Page;

/// Content of one page looked through, in bytes.
const MAX_CONTENT: u64 = 64 << 20;

/// The resources of a page with only those pictures and forms that its content names, or `None` where
/// they are to stay as they are.
pub(crate) fn narrowed(source: &Source, page: &Page) -> Result<Option<Dict>, Leave> {
    let Value::Plain(Object::Dict(resources)) = source.entry(&page.dict, b"Resources")? else { return Ok(None) };
    let Value::Plain(Object::Dict(objects)) = source.entry(&resources, b"XObject")? else { return Ok(None) };
    let entries = objects.entries();
    if entries.len() < 2 || lends_resources(source, page, &resources)? {
        return Ok(None);
    }
    let Some(used) = used(source, page, &objects)? else { return Ok(None) };
    let kept: Vec<(Name, Object)> =
        entries.iter().filter(|(key, _)| used.contains(key)).map(|e| (*e).clone()).collect();
    if kept.len() == entries.len() {
        return Ok(None);
    }
    let mut narrowed = resources;
    narrowed.set(b"XObject", Object::Dict(Dict::from_entries(kept)));
    Ok(Some(narrowed))
}

/// Every name in the content of the page and of those forms that use the page's resources.
fn used(source: &Source, page: &Page, objects: &Dict) -> Result<Option<HashSet<Name>>, Leave> {
    let mut streams = Vec::new();
    match source.entry(&page.dict, b"Contents")? {
        Value::Stream(stream) => streams.push(stream),
        Value::Plain(Object::Array(parts)) => {
            for part in &parts {
                match source.resolve(part)? {
                    Value::Stream(stream) => streams.push(stream),
                    Value::Plain(Object::Null) => {}
                    Value::Plain(_) => return Ok(None),
                }
            }
        }
        Value::Plain(_) => return Ok(None),
    }
    let (mut names, mut left) = (HashSet::new(), MAX_CONTENT);
    while let Some(stream) = streams.pop() {
        // Not this reader's filter, or too much of it.
        let Ok(content) = inflate::undo(&stream, left) else { return Ok(None) };
        left = left.saturating_sub(content.len() as u64);
        for name in names_in(&content) {
            if names.contains(&name) {
                continue;
            }
            if let Some(object) = objects.get(name.as_bytes())
                && let Value::Stream(form) = source.resolve(object)?
                && form.dict.get_name(b"Subtype") == Some(b"Form")
                && !form.dict.contains(b"Resources")
            {
                streams.push(form);
            }
            names.insert(name);
        }
    }
    Ok(Some(names))
}

/// Whether something besides content and forms draws with the page's resources: glyphs, patterns, masks
/// or annotations without their own.
fn lends_resources(source: &Source, page: &Page, resources: &Dict) -> Result<bool, Leave> {
    let bare = |stream: &Stream| !stream.dict.contains(b"Resources");
    for key in [b"Font".as_slice(), b"Pattern", b"ExtGState"] {
        let Value::Plain(Object::Dict(category)) = source.entry(resources, key)? else { continue };
        for (_, object) in category.entries() {
            let lends = match source.resolve(object)? {
                Value::Stream(pattern) => bare(&pattern),
                Value::Plain(Object::Dict(dict)) if dict.get_name(b"Subtype") == Some(b"Type3") => {
                    !dict.contains(b"Resources")
                }
                Value::Plain(Object::Dict(dict)) => match source.entry(&dict, b"SMask")? {
                    Value::Plain(Object::Dict(mask)) => {
                        matches!(source.entry(&mask, b"G")?, Value::Stream(group) if bare(&group))
                    }
                    _ => false,
                },
                Value::Plain(_) => false,
            };
            if lends {
                return Ok(true);
            }
        }
    }
    let annotations = source.entry(&page.dict, b"Annots")?.into_plain();
    for annotation in annotations.as_array().unwrap_or_default() {
        let Value::Plain(Object::Dict(annotation)) = source.resolve(annotation)? else { continue };
        let Value::Plain(Object::Dict(appearance)) = source.entry(&annotation, b"AP")? else { continue };
        let lends = match source.entry(&appearance, b"N")? {
            Value::Stream(normal) => bare(&normal),
            // States of a button: not worth following.
            Value::Plain(Object::Dict(_)) => true,
            Value::Plain(_) => false,
        };
        if lends {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Everything that is written like a name.
fn names_in(content: &[u8]) -> impl Iterator<Item = Name> {
    memchr::memchr_iter(b'/', content).filter_map(|at| {
        let rest = &content[at + 1..];
        let end = rest.iter().take(128).position(|b| {
            matches!(
                b,
                0 | b'\t'
                    | b'\n'
                    | 12
                    | b'\r'
                    | b' '
                    | b'('
                    | b')'
                    | b'<'
                    | b'>'
                    | b'['
                    | b']'
                    | b'{'
                    | b'}'
                    | b'/'
                    | b'%'
            )
        });
        let raw = &rest[..end.unwrap_or(rest.len().min(128))];
        (!raw.is_empty()).then(|| Name::unescaped(raw))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_stand() {
        let found: Vec<Name> = names_in(b"/I#31 Do(/A)Tj[/B/C]").collect();
        assert_eq!(found, ["I1", "A", "B", "C"].map(|name| Name::new(name.as_bytes())));
    }
}
