//! Annotations and forms of the kept pages. Widgets stay widgets: fields above them are kept with
//! those kids that are on kept pages, and a minimal `/AcroForm` names their roots.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::loss::{Extent, Loss};
use crate::object::{Dict, Id, Object, Value};
use crate::policy::Policy;
use crate::role::{Rewriter, Role};
use crate::source::Source;
use crate::walk::Page;

/// Fields above a widget. Real forms nest fewer than ten.
const MAX_FIELD_DEPTH: usize = 64;

/// What the kept pages have of annotations and of the form.
#[derive(Default)]
pub(crate) struct Forms {
    per_page: Vec<Vec<Object>>,
    widgets: HashSet<Id>,
    fields: HashSet<Id>,
    roots: Vec<Id>,
}

impl Forms {
    /// Also says which annotations nobody can read.
    pub(crate) fn collect(
        source: &Source,
        catalog: &Dict,
        pages: &[Page],
        policy: &Policy,
    ) -> Result<(Self, Vec<Loss>), Failure> {
        let (mut forms, mut losses) = (Self::default(), Vec::new());
        let has_form = catalog.contains(b"AcroForm");
        let (mut seen, mut count) = (HashSet::new(), 0u32);
        for (index, page) in pages.iter().enumerate() {
            let mut kept = Vec::new();
            let mut lose = |object: &Object, extent: Extent| {
                let object = object.as_ref_id().map(|id| id.number);
                losses.push(Loss { page: Some(index), object, extent });
            };
            let list = page.dict.get(b"Annots").unwrap_or(&Object::Null);
            let annotations = source.follow(list)?;
            if let Some(extent) = annotations.missing() {
                lose(list, extent);
            }
            let annotations = annotations.value().into_plain();
            for annotation in annotations.as_array().unwrap_or_default() {
                count += 1;
                if count > policy.max_objects {
                    return Err(Error::new(ErrorKind::Limit, "the pages have too many annotations").into());
                }
                let found = source.follow(annotation)?;
                if let Some(extent) = found.missing() {
                    lose(annotation, extent);
                }
                let Value::Plain(Object::Dict(dict)) = found.value() else { continue };
                match dict.get_name(b"Subtype") {
                    // A pop-up shows the text of another annotation when it is opened.
                    Some(b"Popup") => continue,
                    // What it is may be misspelt; what it looks like is there.
                    None if !dict.contains(b"AP") => continue,
                    Some(b"Widget") => {
                        if let (Some(id), true) = (annotation.as_ref_id(), has_form) {
                            forms.widgets.insert(id);
                            forms.climb(source, id, dict, &mut seen, &mut lose)?;
                        }
                    }
                    Some(_) | None => {}
                }
                kept.push(annotation.clone());
            }
            forms.per_page.push(kept);
        }
        Ok((forms, losses))
    }

    /// The roots of the fields, in the order in which they were met; `None` where there are no widgets.
    pub(crate) fn take_roots(&mut self) -> Option<Vec<(Id, Role)>> {
        let roots = std::mem::take(&mut self.roots);
        let roots = roots.into_iter().filter_map(|id| Some((id, self.role(id)?))).collect();
        (!self.widgets.is_empty()).then_some(roots)
    }

    /// The annotations of the kept page of this index.
    pub(crate) fn annotations(&mut self, index: usize) -> Vec<Object> {
        self.per_page.get_mut(index).map(std::mem::take).unwrap_or_default()
    }

    /// What this object is to the form of the output, or `None` where it is no part of it.
    pub(crate) fn role(&self, id: Id) -> Option<Role> {
        if self.widgets.contains(&id) {
            Some(Role::Annotation)
        } else {
            self.fields.contains(&id).then_some(Role::Field)
        }
    }

    /// From a widget up to the root of its field.
    fn climb(
        &mut self,
        source: &Source,
        widget: Id,
        dict: Dict,
        seen: &mut HashSet<Id>,
        lose: &mut impl FnMut(&Object, Extent),
    ) -> Result<(), Failure> {
        let is_field = dict.contains(b"FT") || dict.contains(b"T");
        let (mut id, mut dict) = (widget, dict);
        for _ in 0..MAX_FIELD_DEPTH {
            if !seen.insert(id) {
                return Ok(());
            }
            let parent = dict.get(b"Parent").and_then(Object::as_ref_id);
            let Some(parent) = parent else { break };
            let found = source.lookup(parent)?;
            if let Some(extent) = found.missing() {
                lose(&Object::Ref(parent), extent);
            }
            let Value::Plain(Object::Dict(above)) = found.value() else { break };
            if matches!(above.get_name(b"Type"), Some(b"Page" | b"Pages" | b"Catalog")) {
                break;
            }
            self.fields.insert(parent);
            (id, dict) = (parent, above);
        }
        if id != widget || is_field {
            self.roots.push(id);
        }
        Ok(())
    }
}

/// The form of the output, where a kept page has widgets and the source has a form.
pub(crate) fn copy(
    copier: &mut impl Rewriter,
    source: &Source,
    catalog: &Dict,
    roots: Option<Vec<(Id, Role)>>,
) -> Result<Option<Object>, Failure> {
    let Some(roots) = roots else { return Ok(None) };
    let Value::Plain(Object::Dict(form)) = copier.known(source, catalog, b"AcroForm")? else { return Ok(None) };
    let mut fields = Vec::with_capacity(roots.len());
    for (id, role) in roots {
        fields.push(copier.refer(id, role)?);
    }
    let mut out = Dict::default();
    out.push(b"Fields", Object::Array(fields));
    for key in [b"NeedAppearances".as_slice(), b"DA", b"Q", b"DR"] {
        if let Some(value) = form.get(key) {
            let role = if key == b"DR" { Role::Resources } else { Role::Generic };
            let value = copier.transform(value.clone(), role)?;
            out.push(key, value);
        }
    }
    Ok(Some(Object::Dict(out)))
}
