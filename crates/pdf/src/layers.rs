//! Optional content. Without its `/OCProperties` a document shows the layers it hides, so the output
//! keeps the default configuration for those layers that its pages use, and their names and usage.

use crate::failure::Failure;
use crate::object::{Dict, Object, Value};
use crate::role::{Rewriter, Role};
use crate::source::Source;

/// The `/OCProperties` of the output, where its pages use layers.
pub(crate) fn copy(copier: &mut impl Rewriter, source: &Source, catalog: &Dict) -> Result<Option<Object>, Failure> {
    let Value::Plain(Object::Dict(layers)) = copier.known(source, catalog, b"OCProperties")? else { return Ok(None) };
    let groups = met(copier, source, &layers, b"OCGs")?;
    if groups.is_empty() {
        return Ok(None);
    }
    let mut default = Dict::default();
    if let Value::Plain(Object::Dict(d)) = copier.known(source, &layers, b"D")? {
        for key in [b"BaseState".as_slice(), b"Intent"] {
            if let Some(value) = d.get(key) {
                let value = copier.transform(value.clone(), Role::Generic)?;
                default.push(key, value);
            }
        }
        for key in [b"ON".as_slice(), b"OFF"] {
            let groups = met(copier, source, &d, key)?;
            if !groups.is_empty() {
                default.push(key, Object::Array(groups));
            }
        }
        let events = events(copier, source, &d)?;
        if !events.is_empty() {
            default.push(b"AS", Object::Array(events));
        }
    }
    let mut out = Dict::default();
    out.push(b"OCGs", Object::Array(groups));
    out.push(b"D", Object::Dict(default));
    Ok(Some(Object::Dict(out)))
}

/// The groups of a list that the copied pages reach.
fn met(copier: &mut impl Rewriter, source: &Source, dict: &Dict, key: &[u8]) -> Result<Vec<Object>, Failure> {
    let list = copier.known(source, dict, key)?.into_plain();
    let ids = list.as_array().unwrap_or_default().iter().filter_map(Object::as_ref_id);
    Ok(ids.filter_map(|id| copier.met(id)).map(crate::write::reference).collect())
}

/// Usage application: which groups change when a page is viewed, printed or exported.
fn events(copier: &mut impl Rewriter, source: &Source, default: &Dict) -> Result<Vec<Object>, Failure> {
    let list = source.entry(default, b"AS")?.into_plain();
    let mut out = Vec::new();
    for event in list.as_array().unwrap_or_default() {
        let Value::Plain(Object::Dict(event)) = source.resolve(event)? else { continue };
        let groups = met(copier, source, &event, b"OCGs")?;
        if groups.is_empty() {
            continue;
        }
        let mut kept = Dict::default();
        for key in [b"Event".as_slice(), b"Category"] {
            if let Some(value @ (Object::Name(_) | Object::Array(_))) = event.get(key) {
                kept.push(key, value.clone());
            }
        }
        kept.push(b"OCGs", Object::Array(groups));
        out.push(Object::Dict(kept));
    }
    Ok(out)
}
