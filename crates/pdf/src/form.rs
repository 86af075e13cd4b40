//! Annotations and forms of the kept pages. Widgets stay widgets: fields above them are kept with
//! those kids that are on kept pages, and a minimal `/AcroForm` names their roots.

use std::collections::HashSet;

use crate::copy::{Copier, Role};
use crate::error::{Error, ErrorKind};
use crate::object::{Dict, Id, Object, Value};
use crate::policy::Policy;
use crate::source::{Failure, Source};
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
    pub(crate) fn collect(source: &Source, catalog: &Dict, pages: &[Page], policy: &Policy) -> Result<Self, Failure> {
        let mut forms = Self::default();
        let has_form = catalog.contains(b"AcroForm");
        let (mut seen, mut count) = (HashSet::new(), 0u32);
        for page in pages {
            let mut kept = Vec::new();
            let annotations = source.entry(&page.dict, b"Annots")?.into_plain();
            for annotation in annotations.as_array().unwrap_or_default() {
                count += 1;
                if count > policy.max_objects {
                    return Err(Error::new(ErrorKind::Limit, "the pages have too many annotations").into());
                }
                let Value::Plain(Object::Dict(dict)) = source.resolve(annotation)? else { continue };
                match dict.get_name(b"Subtype") {
                    // A pop-up shows the text of another annotation when it is opened.
                    Some(b"Popup") | None => continue,
                    Some(b"Widget") => {
                        if let (Some(id), true) = (annotation.as_ref_id(), has_form) {
                            forms.widgets.insert(id);
                            forms.climb(source, id, dict, &mut seen)?;
                        }
                    }
                    Some(_) => {}
                }
                kept.push(annotation.clone());
            }
            forms.per_page.push(kept);
        }
        Ok(forms)
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
    fn climb(&mut self, source: &Source, widget: Id, dict: Dict, seen: &mut HashSet<Id>) -> Result<(), Failure> {
        let is_field = dict.contains(b"FT") || dict.contains(b"T");
        let (mut id, mut dict) = (widget, dict);
        for _ in 0..MAX_FIELD_DEPTH {
            if !seen.insert(id) {
                return Ok(());
            }
            let parent = dict.get(b"Parent").and_then(Object::as_ref_id);
            let Some(parent) = parent else { break };
            let Value::Plain(Object::Dict(above)) = source.get(parent)? else { break };
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

impl Copier<'_> {
    /// The form of the output, where a kept page has widgets and the source has a form.
    pub(crate) fn acro_form(&mut self, catalog: &Dict) -> Result<Option<Object>, Failure> {
        let Value::Plain(Object::Dict(form)) = self.source.entry(catalog, b"AcroForm")? else { return Ok(None) };
        let roots = std::mem::take(&mut self.forms.roots);
        let mut fields = Vec::with_capacity(roots.len());
        for id in roots {
            if let Some(role) = self.forms.role(id) {
                fields.push(self.refer(id, role)?);
            }
        }
        if self.forms.widgets.is_empty() {
            return Ok(None);
        }
        let mut out = Dict::default();
        out.push(b"Fields", Object::Array(fields));
        for key in [b"NeedAppearances".as_slice(), b"DA", b"Q", b"DR"] {
            if let Some(value) = form.get(key) {
                let role = if key == b"DR" { Role::Resources } else { Role::Generic };
                let value = self.transform(value.clone(), role)?;
                out.push(key, value);
            }
        }
        Ok(Some(Object::Dict(out)))
    }
}
