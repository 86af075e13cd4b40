//! How large every image stands on the pages, from the content that draws it.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use crate::inflate;
use crate::matrix::{IDENTITY, Matrix, number, numbers, times};
use crate::object::{Dict, Object, Value};
use crate::objects::Objects;
use crate::policy::Policy;
use crate::source::{Token, Tokens};
use crate::write::Document;

/// Forms within forms.
const MAX_NESTED: usize = 16;

/// Content streams looked through, forms as often as they are drawn.
const MAX_STREAMS: usize = 2_000;

/// The graphics states saved at a time.
const MAX_SAVED: usize = 256;

/// The largest width and height, in points, that each image has anywhere on the pages. An image that
/// something else than the content of pages and forms may draw has no entry, nor has any image where
/// content cannot be read.
pub(super) fn find(document: &Document, policy: &Policy) -> HashMap<u32, (f64, f64)> {
    let mut walk = Walk {
        objects: Objects::of(document),
        limit: policy.max_inflated_bytes.min(64 << 20),
        sizes: HashMap::new(),
        forms: HashSet::new(),
        streams: 0,
    };
    if walk.pages(document).is_none() {
        return HashMap::new();
    }
    let elsewhere = walk.elsewhere(document);
    walk.sizes.retain(|number, _| !elsewhere.contains(number));
    walk.sizes
}

struct Walk<'d> {
    objects: Objects<'d>,
    limit: u64,
    sizes: HashMap<u32, (f64, f64)>,
    /// Forms whose content was walked.
    forms: HashSet<u32>,
    streams: usize,
}

/// Content that is to be walked.
struct Job<'d> {
    content: Bytes,
    resources: &'d Dict,
    matrix: Matrix,
    nested: usize,
}

impl<'d> Walk<'d> {
    fn pages(&mut self, document: &'d Document) -> Option<()> {
        let pages = document.objects.iter().filter_map(|(_, value)| value.dict());
        for page in pages.filter(|dict| dict.get_name(b"Type") == Some(b"Page")) {
            let mut content = Vec::new();
            for number in self.objects.contents(page) {
                let Value::Stream(stream) = self.objects.get(number)? else { return None };
                content.extend_from_slice(&inflate::undo(stream, self.limit).ok()?);
                content.push(b'\n');
            }
            let Some(resources) = self.objects.dict(page, b"Resources") else { continue };
            let unit = page.get(b"UserUnit").and_then(number).unwrap_or(1.0);
            let mut jobs = vec![Job {
                content: Bytes::from(content),
                resources,
                matrix: [unit, 0.0, 0.0, unit, 0.0, 0.0],
                nested: 0,
            }];
            while let Some(job) = jobs.pop() {
                self.content(job, &mut jobs)?;
            }
        }
        Some(())
    }

    fn content(&mut self, job: Job<'d>, jobs: &mut Vec<Job<'d>>) -> Option<()> {
        self.streams += 1;
        if self.streams > MAX_STREAMS || job.nested > MAX_NESTED {
            return None;
        }
        let (mut matrix, mut saved) = (job.matrix, Vec::new());
        let (mut tokens, mut operands) = (Tokens::new(&job.content), Vec::new());
        while let Some(token) = tokens.next().ok()? {
            let operator = match token {
                Token::Operand(operand) => {
                    operands.push(operand);
                    continue;
                }
                Token::Operator(operator) => operator,
            };
            match operator {
                b"q" if saved.len() < MAX_SAVED => saved.push(matrix),
                b"q" => return None,
                b"Q" => matrix = saved.pop().unwrap_or(matrix),
                b"cm" => {
                    matrix = times(numbers(&operands)?, matrix);
                }
                b"BI" => tokens.skip_image().ok()?,
                b"Do" => self.object(&job, operands.last().and_then(Object::as_name)?, matrix, jobs)?,
                _ => {}
            }
            operands.clear();
        }
        Some(())
    }

    /// An image or a form that is drawn at this place.
    fn object(&mut self, job: &Job<'d>, name: &[u8], matrix: Matrix, jobs: &mut Vec<Job<'d>>) -> Option<()> {
        let objects = self.objects.dict(job.resources, b"XObject");
        let Some(id) = objects.and_then(|objects| objects.get(name)).and_then(Object::as_ref_id) else {
            return Some(());
        };
        let Some(Value::Stream(stream)) = self.objects.get(id.number) else { return Some(()) };
        match stream.dict.get_name(b"Subtype") {
            Some(b"Image") => {
                let size = (matrix[0].hypot(matrix[1]), matrix[2].hypot(matrix[3]));
                let largest = self.sizes.entry(id.number).or_default();
                *largest = (largest.0.max(size.0), largest.1.max(size.1));
            }
            Some(b"Form") => {
                self.forms.insert(id.number);
                jobs.push(Job {
                    content: inflate::undo(stream, self.limit).ok()?,
                    resources: self.objects.dict(&stream.dict, b"Resources").unwrap_or(job.resources),
                    matrix: times(form_matrix(&stream.dict), matrix),
                    nested: job.nested + 1,
                });
            }
            _ => {}
        }
        Some(())
    }

    /// Images that patterns, glyphs, masks, annotations, or anything else with resources may draw.
    fn elsewhere(&self, document: &'d Document) -> HashSet<u32> {
        let (mut images, mut seen, mut work) = (HashSet::new(), HashSet::new(), Vec::new());
        for (number, value) in &document.objects {
            let Some(dict) = value.dict() else { continue };
            if dict.get_name(b"Type") != Some(b"Page") && !self.forms.contains(number) {
                work.extend(self.objects.dict(dict, b"Resources"));
            }
        }
        while let Some(resources) = work.pop() {
            let Some(objects) = self.objects.dict(resources, b"XObject") else { continue };
            for (_, object) in objects.entries() {
                let Some(id) = object.as_ref_id().filter(|id| seen.insert(id.number)) else { continue };
                let Some(Value::Stream(stream)) = self.objects.get(id.number) else { continue };
                if stream.dict.get_name(b"Subtype") == Some(b"Image") {
                    images.insert(id.number);
                }
                work.extend(self.objects.dict(&stream.dict, b"Resources"));
            }
        }
        images
    }
}

fn form_matrix(form: &Dict) -> Matrix {
    form.get(b"Matrix").and_then(Object::as_array).and_then(numbers).unwrap_or(IDENTITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Id, Stream};

    fn dict(entries: &[(&[u8], Object)]) -> Dict {
        let mut dict = Dict::default();
        entries.iter().for_each(|(key, value)| dict.push(key, value.clone()));
        dict
    }

    fn refer(number: u32) -> Object {
        Object::Ref(Id::new(number, 0))
    }

    #[test]
    fn sizes_follow_matrices_through_forms_and_patterns_are_unknown() {
        let objects = |list: &[(&[u8], u32)]| {
            let entries: Vec<_> = list.iter().map(|(key, number)| (*key, refer(*number))).collect();
            Object::Dict(dict(&[(b"XObject", Object::Dict(dict(&entries)))]))
        };
        let image =
            || Value::Stream(Stream { dict: dict(&[(b"Subtype", Object::name(b"Image"))]), data: Bytes::new() });
        let stream = |entries: &[(&[u8], Object)], content: &'static str| {
            Value::Stream(Stream { dict: dict(entries), data: Bytes::from_static(content.as_bytes()) })
        };
        let page = dict(&[
            (b"Type", Object::name(b"Page")),
            (b"Contents", refer(2)),
            (b"UserUnit", Object::Int(2)),
            (b"Resources", objects(&[(b"A", 4), (b"F", 3), (b"P", 5)])),
        ]);
        let matrix = Object::Array([0.0, 3.0, -3.0, 0.0, 0.0, 0.0].map(Object::Real).to_vec());
        let form = [
            (b"Subtype".as_slice(), Object::name(b"Form")),
            (b"Matrix", matrix),
            (b"Resources", objects(&[(b"B", 6)])),
        ];
        let document = Document {
            objects: vec![
                (1, Value::Plain(Object::Dict(page))),
                (2, stream(&[], "q 10 0 0 20 5 5 cm /A Do Q q 4 0 0 30 0 0 cm /A Do /P Do Q 0.5 0 0 0.5 0 0 cm /F Do")),
                (3, stream(&form, "q 100 0 0 50 0 0 cm /B Do Q")),
                (4, image()),
                (5, image()),
                (6, image()),
                (7, stream(&[(b"PatternType", Object::Int(1)), (b"Resources", objects(&[(b"P", 5)]))], "/P Do")),
            ],
            root: 1,
            info: None,
        };
        let sizes = find(&document, &Policy::default());
        assert_eq!(sizes.get(&4), Some(&(20.0, 60.0)));
        assert_eq!(sizes.get(&6), Some(&(300.0, 150.0)));
        assert_eq!(sizes.get(&5), None);
    }
}
