//! Annotations draw on a page, too: with an appearance, which the interpreter walks, or without one,
//! in which case every reader draws them its own way.

use hayro_syntax::object::{Array, Dict, Name, Object, Rect, String};
use hayro_syntax::page::Page;

/// What the annotations of a page mean for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Annotations {
    /// None that could be seen.
    None,
    /// Some, all with an appearance to walk.
    WithAppearance,
    /// One that a reader may draw without being told how, or other than it is told: a field with a value,
    /// or one of a form that asks for new appearances.
    WithoutAppearance,
}

/// Hidden, or not to be viewed.
const NOT_SHOWN: i32 = 1 << 1 | 1 << 5;

/// Fields above a field.
const MAX_PARENTS: usize = 32;

pub(super) fn look(page: &Page<'_>) -> Annotations {
    let Some(annotations) = page.raw().get::<Array<'_>>("Annots") else { return Annotations::None };
    let redrawn = needs_appearances(page);
    let mut all = Annotations::None;
    for annotation in annotations.iter::<Object<'_>>() {
        let Some(annotation) = annotation.into_dict() else { continue };
        if annotation.get::<i32>("F").is_some_and(|flags| flags & NOT_SHOWN != 0) || is_flat(&annotation) {
            continue;
        }
        if has_appearance(&annotation) {
            let widget = annotation.get::<Name<'_>>("Subtype").as_deref() == Some(b"Widget");
            if widget && (redrawn || has_value(&annotation)) {
                return Annotations::WithoutAppearance;
            }
            all = Annotations::WithAppearance;
        } else if may_be_drawn(&annotation) {
            return Annotations::WithoutAppearance;
        }
    }
    all
}

/// Whether an annotation that is shown has no appearance to draw.
pub(super) fn lack_appearances(page: &Page<'_>) -> bool {
    let Some(annotations) = page.raw().get::<Array<'_>>("Annots") else { return false };
    let shown = annotations.iter::<Object<'_>>().filter_map(Object::into_dict).filter(|annotation| {
        annotation.get::<i32>("F").is_none_or(|flags| flags & NOT_SHOWN == 0) && !is_flat(annotation)
    });
    shown.into_iter().any(|annotation| !has_appearance(&annotation) && may_be_drawn(&annotation))
}

fn is_flat(annotation: &Dict<'_>) -> bool {
    let rect = annotation.get::<Rect>("Rect");
    rect.is_some_and(|rect| (rect.x1 - rect.x0).abs() < f64::EPSILON || (rect.y1 - rect.y0).abs() < f64::EPSILON)
}

fn has_appearance(annotation: &Dict<'_>) -> bool {
    let normal = annotation.get::<Dict<'_>>("AP").and_then(|ap| ap.get::<Object<'_>>("N"));
    matches!(normal, Some(Object::Stream(_) | Object::Dict(_)))
}

/// Whether readers draw this annotation although nothing says how. Links and pop-ups they do not; a
/// text field without value, border and background there is nothing of.
fn may_be_drawn(annotation: &Dict<'_>) -> bool {
    match annotation.get::<Name<'_>>("Subtype").as_deref() {
        Some(b"Link" | b"Popup") => false,
        Some(b"Widget") => {
            let style = annotation.get::<Dict<'_>>("MK");
            let styled = style.is_some_and(|style| style.contains_key("BC") || style.contains_key("BG"));
            match inherited(annotation, "FT").and_then(Object::into_name).as_deref() {
                Some(b"Tx" | b"Ch") => styled || !is_blank(inherited(annotation, "V")),
                Some(b"Sig") => styled,
                _ => true,
            }
        }
        _ => true,
    }
}

/// Whether the form asks its readers to draw its fields themselves.
fn needs_appearances(page: &Page<'_>) -> bool {
    let xref = page.xref();
    let form = xref.get::<Dict<'_>>(xref.root_id()).and_then(|catalog| catalog.get::<Dict<'_>>("AcroForm"));
    form.and_then(|form| form.get::<bool>("NeedAppearances")).unwrap_or(false)
}

/// Whether a field has something to show, whatever its appearance shows of it.
fn has_value(widget: &Dict<'_>) -> bool {
    let filled = |value: Option<Object<'_>>| match value {
        Some(Object::Name(state)) => &*state != b"Off",
        Some(Object::Array(choices)) => choices.raw_iter().next().is_some(),
        Some(Object::Dict(_)) => false,
        other => !is_blank(other),
    };
    filled(inherited(widget, "V")) || filled(inherited(widget, "RV"))
}

fn is_blank(value: Option<Object<'_>>) -> bool {
    match value {
        None | Some(Object::Null(_)) => true,
        Some(Object::String(text)) => is_blank_text(&text),
        Some(_) => false,
    }
}

fn is_blank_text(text: &String<'_>) -> bool {
    // An empty string, also with a byte order mark.
    text.as_bytes().iter().all(|b| matches!(b, 0 | b' ' | 0xFE | 0xFF))
}

/// The value of a field's key, its own or that of a field above it.
fn inherited<'a>(field: &Dict<'a>, key: &str) -> Option<Object<'a>> {
    let mut field = field.clone();
    for _ in 0..MAX_PARENTS {
        if let Some(value) = field.get::<Object<'a>>(key) {
            return Some(value);
        }
        field = field.get::<Dict<'a>>("Parent")?;
    }
    None
}
