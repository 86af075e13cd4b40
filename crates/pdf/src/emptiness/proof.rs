//! The second witness. Where the interpreter sees nothing on a page, its content is read once more by a
//! reader of ours that knows no mercy: every byte must be a token, every operator known and with the
//! operands that the standard gives it, everything that it names must be there and of the right kind,
//! every image whole. Only then does seeing nothing mean that there is nothing: interpreters stop, skip
//! and fall silent where they do not understand, and say so to nobody.

use crate::clock::Deadline;
use crate::inflate;
use crate::object::{Dict, Object, Stream, Value};
use crate::objects::{Entry, Objects};
use crate::source::{Token, Tokens};

use super::{images, spaces};

/// Forms within forms.
const MAX_NESTED: usize = 16;

/// Content streams read for one page, forms as often as they are drawn.
const MAX_STREAMS: usize = 2_000;

/// What one page's content may inflate to.
const MAX_CONTENT: u64 = 64 << 20;

/// Operands of one operator; `scn` with 32 components and a name has the most.
const MAX_OPERANDS: usize = 33;

/// Hidden, or not to be viewed.
const NOT_SHOWN: i64 = 1 << 1 | 1 << 5;

/// What the content of a page draws, whether it can be seen or not. The interpreter must have come to
/// each of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) texts: u32,
    pub(super) paths: u32,
    pub(super) images: u32,
    /// Layers and hidden annotations leave some of it out.
    pub(super) conditional: bool,
}

/// Why a page is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doubt(pub(super) &'static str);

/// Content to be read, with the resources that its names mean.
struct Job<'d> {
    content: Content<'d>,
    resources: Option<&'d Dict>,
    nested: usize,
}

enum Content<'d> {
    Page(&'d Dict),
    Form(&'d Stream),
}

/// Reads everything that the page draws, to its last byte.
pub(super) fn read(objects: &Objects<'_>, page: &Dict, deadline: Deadline) -> Result<Tally, Doubt> {
    let mut reading = Reading { objects, tally: Tally::default(), left: MAX_CONTENT, deadline };
    has_plain_paper(objects, page)?;
    let resources = objects.dict(page, b"Resources");
    let mut jobs = vec![Job { content: Content::Page(page), resources, nested: 0 }];
    reading.annotations(page, resources, &mut jobs)?;
    let mut streams = 0;
    while let Some(job) = jobs.pop() {
        streams += 1;
        if streams > MAX_STREAMS || job.nested > MAX_NESTED {
            return Err(Doubt("content that nests without end"));
        }
        reading.content(&job, &mut jobs)?;
    }
    Ok(reading.tally)
}

/// Boxes that are four numbers and have paper in common: of any others every reader makes its own paper, and what
/// lies beside ours may lie on theirs.
fn has_plain_paper(objects: &Objects<'_>, page: &Dict) -> Result<(), Doubt> {
    const NONE: Doubt = Doubt("paper without a size");
    let side = |side: &Object| match side {
        #[expect(clippy::cast_precision_loss, reason = "sizes of paper")]
        Object::Int(n) => Some(*n as f64),
        Object::Real(n) => Some(*n),
        _ => None,
    };
    let mut paper = [f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY];
    for key in [b"MediaBox".as_slice(), b"CropBox"] {
        let Some(sides) = page.get(key) else { continue };
        let sides = objects.follow(sides).and_then(Entry::as_array).unwrap_or_default();
        let sides: Option<Vec<f64>> = sides.iter().map(side).collect();
        let [x0, y0, x1, y1] = sides.and_then(|sides| <[f64; 4]>::try_from(sides).ok()).ok_or(NONE)?;
        let [left, low, right, high] = paper;
        paper = [left.max(x0.min(x1)), low.max(y0.min(y1)), right.min(x0.max(x1)), high.min(y0.max(y1))];
    }
    if paper[0] < paper[2] && paper[1] < paper[3] { Ok(()) } else { Err(NONE) }
}

struct Reading<'o, 'd> {
    objects: &'o Objects<'d>,
    tally: Tally,
    /// Bytes of content still to be read.
    left: u64,
    deadline: Deadline,
}

impl<'d> Reading<'_, 'd> {
    /// The appearances of annotations that are shown are content like any other.
    fn annotations(
        &mut self,
        page: &'d Dict,
        resources: Option<&'d Dict>,
        jobs: &mut Vec<Job<'d>>,
    ) -> Result<(), Doubt> {
        let Some(list) = page.get(b"Annots") else { return Ok(()) };
        let list =
            self.objects.follow(list).and_then(Entry::as_array).ok_or(Doubt("annotations that are not there"))?;
        for annotation in list {
            let annotation =
                self.objects.follow(annotation).and_then(Entry::dict).ok_or(Doubt("an annotation is lost"))?;
            let flags = self.objects.entry(annotation, b"F").and_then(Entry::as_int).unwrap_or(0);
            if flags & NOT_SHOWN != 0 {
                continue;
            }
            self.tally.conditional |= annotation.contains(b"OC");
            let Some(appearance) = self.objects.dict(annotation, b"AP") else { continue };
            let normal = match self.objects.entry(appearance, b"N") {
                Some(Entry::Stream(form)) => Some(form),
                Some(Entry::Plain(Object::Dict(states))) => {
                    let state = self.objects.entry(annotation, b"AS").and_then(Entry::as_name).unwrap_or(b"Off");
                    match self.objects.entry(states, state) {
                        Some(Entry::Stream(form)) => Some(form),
                        Some(Entry::Plain(_)) => return Err(Doubt("a state that is no form")),
                        None if state == b"Off" => None,
                        None => return Err(Doubt("a state that is not there")),
                    }
                }
                _ => return Err(Doubt("an appearance that is not there")),
            };
            jobs.extend(normal.map(|form| Job { content: Content::Form(form), resources, nested: 1 }));
        }
        Ok(())
    }

    fn content(&mut self, job: &Job<'d>, jobs: &mut Vec<Job<'d>>) -> Result<(), Doubt> {
        let (content, resources) = match job.content {
            Content::Page(page) => (self.of_page(page)?, job.resources),
            Content::Form(form) => {
                if form.dict.contains(b"OC") {
                    self.tally.conditional = true;
                }
                let own = match form.dict.get(b"Resources") {
                    None => job.resources,
                    Some(_) => Some(self.objects.dict(&form.dict, b"Resources").ok_or(Doubt("resources are lost"))?),
                };
                (self.inflated(form)?, own)
            }
        };
        let content = bytes::Bytes::from(content);
        let mut tokens = Tokens::new(&content);
        let (mut operands, mut path, mut count) = (Vec::new(), false, 0u32);
        loop {
            match tokens.next().map_err(|_| Doubt("content that is not understood"))? {
                None if operands.is_empty() => return Ok(()),
                None => return Err(Doubt("content ends within an operator")),
                Some(Token::Operand(_)) if operands.len() >= MAX_OPERANDS => return Err(Doubt("too many operands")),
                Some(Token::Operand(operand)) => operands.push(operand),
                Some(Token::Operator(name)) => {
                    count = count.wrapping_add(1);
                    if count.is_multiple_of(1024) && self.deadline.is_over() {
                        return Err(Doubt("the time is spent"));
                    }
                    if !is_known(name, &operands) {
                        return Err(Doubt("an operator that is not understood"));
                    }
                    self.operator(name, &operands, resources, job.nested, &mut path, jobs)?;
                    operands.clear();
                }
            }
        }
    }

    /// The content streams of a page, one behind the other.
    fn of_page(&mut self, page: &'d Dict) -> Result<Vec<u8>, Doubt> {
        const LOST: Doubt = Doubt("content that is not there");
        let Some(contents) = page.get(b"Contents") else { return Ok(Vec::new()) };
        match self.objects.follow(contents).ok_or(LOST)? {
            Entry::Stream(stream) => self.inflated(stream),
            Entry::Plain(Object::Array(parts)) => {
                let mut content = Vec::new();
                for part in parts {
                    let Some(Entry::Stream(stream)) = self.objects.follow(part) else { return Err(LOST) };
                    content.append(&mut self.inflated(stream)?);
                    content.push(b'\n');
                }
                Ok(content)
            }
            Entry::Plain(_) => Err(LOST),
        }
    }

    fn inflated(&mut self, stream: &Stream) -> Result<Vec<u8>, Doubt> {
        let content = inflate::undo(stream, self.left).map_err(|_| Doubt("content that does not decode"))?;
        self.left = self.left.saturating_sub(content.len() as u64);
        Ok(content.into())
    }

    fn operator(
        &mut self,
        name: &[u8],
        operands: &[Object],
        resources: Option<&'d Dict>,
        nested: usize,
        path: &mut bool,
        jobs: &mut Vec<Job<'d>>,
    ) -> Result<(), Doubt> {
        let named = |category: &[u8]| {
            let entry = operands
                .first()
                .and_then(Object::as_name)
                .and_then(|name| self.objects.entry(self.objects.dict(resources?, category)?, name));
            entry.ok_or(Doubt("a resource is not there"))
        };
        match name {
            b"re" | b"l" | b"c" | b"v" | b"y" => *path = true,
            b"n" => *path = false,
            b"f" | b"F" | b"f*" | b"S" | b"s" | b"B" | b"B*" | b"b" | b"b*" => {
                self.tally.paths += u32::from(std::mem::take(path));
            }
            b"Tj" | b"'" | b"\"" => self.text(operands.last()),
            b"TJ" => {
                let items = operands.first().and_then(Object::as_array).unwrap_or_default();
                if items.iter().any(|item| !matches!(item, Object::String(_) | Object::Int(_) | Object::Real(_))) {
                    return Err(Doubt("text that is no text"));
                }
                self.text(items.iter().find(|item| matches!(item, Object::String(text) if !text.is_empty())));
            }
            b"Tf" => {
                let font = named(b"Font")?.dict().ok_or(Doubt("a font that is none"))?;
                if font.get_name(b"Subtype") == Some(b"Type3") {
                    return Err(Doubt("glyphs that are content"));
                }
            }
            b"gs" => self.state(named(b"ExtGState")?)?,
            b"cs" | b"CS" => {
                let family = operands.first().and_then(Object::as_name).unwrap_or_default();
                match family {
                    b"DeviceGray" | b"DeviceRGB" | b"DeviceCMYK" => {}
                    b"Pattern" => return Err(Doubt("a pattern")),
                    _ => self.space(named(b"ColorSpace")?)?,
                }
            }
            b"scn" | b"SCN" if matches!(operands.last(), Some(Object::Name(_))) => return Err(Doubt("a pattern")),
            b"sh" => return Err(Doubt("a shading")),
            b"BI" | b"ID" | b"EI" => return Err(Doubt("an image in the content")),
            b"BDC" if operands.first().and_then(Object::as_name) == Some(b"OC") => self.tally.conditional = true,
            b"Do" => {
                let Entry::Stream(stream) = named(b"XObject")? else { return Err(Doubt("an object that is lost")) };
                match stream.dict.get_name(b"Subtype") {
                    Some(b"Image") => {
                        self.tally.conditional |= stream.dict.contains(b"OC");
                        self.tally.images += 1;
                        images::is_whole(self.objects, stream, resources).map_err(Doubt)?;
                    }
                    Some(b"Form") => {
                        jobs.push(Job { content: Content::Form(stream), resources, nested: nested + 1 });
                    }
                    _ => return Err(Doubt("an object of an unknown kind")),
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: Option<&Object>) {
        self.tally.texts += u32::from(matches!(text, Some(Object::String(text)) if !text.is_empty()));
    }

    fn state(&self, state: Entry<'_>) -> Result<(), Doubt> {
        let state = state.dict().ok_or(Doubt("a graphics state that is none"))?;
        match self.objects.entry(state, b"SMask") {
            None => Ok(()),
            Some(mask) if mask.as_name() == Some(b"None") => Ok(()),
            Some(_) => Err(Doubt("a soft mask")),
        }
    }

    fn space(&self, space: Entry<'_>) -> Result<(), Doubt> {
        if spaces::is_whole(self.objects, space) {
            Ok(())
        } else {
            Err(Doubt("a pattern, or colours that nobody knows"))
        }
    }
}

/// Whether an operator is one of the standard's, with the operands it takes (ISO 32000-1, table 51).
fn is_known(name: &[u8], operands: &[Object]) -> bool {
    let number = |object: &Object| matches!(object, Object::Int(_) | Object::Real(_));
    let numbers = |n: usize| operands.len() == n && operands.iter().all(number);
    let named = |n: usize| operands.len() == n && matches!(operands.first(), Some(Object::Name(_)));
    match name {
        b"b" | b"B" | b"b*" | b"B*" | b"BT" | b"BX" | b"EMC" | b"ET" | b"EX" | b"f" | b"F" | b"f*" | b"h" | b"n"
        | b"q" | b"Q" | b"s" | b"S" | b"T*" | b"W" | b"W*" | b"BI" | b"EI" | b"ID" => operands.is_empty(),
        b"BMC" | b"MP" | b"CS" | b"cs" | b"Do" | b"gs" | b"ri" | b"sh" => named(1),
        b"BDC" | b"DP" => named(2) && matches!(operands[1], Object::Name(_) | Object::Dict(_)),
        b"Tf" => named(2) && number(&operands[1]),
        b"d" => matches!(operands, [Object::Array(dashes), phase] if dashes.iter().all(number) && number(phase)),
        b"c" | b"cm" | b"Tm" | b"d1" => numbers(6),
        b"k" | b"K" | b"re" | b"v" | b"y" => numbers(4),
        b"rg" | b"RG" => numbers(3),
        b"d0" | b"l" | b"m" | b"Td" | b"TD" => numbers(2),
        b"g" | b"G" | b"i" | b"j" | b"J" | b"M" | b"w" | b"Tc" | b"TL" | b"Tr" | b"Ts" | b"Tw" | b"Tz" => numbers(1),
        b"sc" | b"SC" => !operands.is_empty() && operands.iter().all(number),
        b"scn" | b"SCN" => match operands.split_last() {
            Some((Object::Name(_), rest)) => rest.iter().all(number),
            Some((last, rest)) => number(last) && rest.iter().all(number),
            None => false,
        },
        b"Tj" | b"'" => matches!(operands, [Object::String(_)]),
        b"TJ" => matches!(operands, [Object::Array(_)]),
        b"\"" => matches!(operands, [word, character, Object::String(_)] if number(word) && number(character)),
        _ => false,
    }
}

/// The dictionary of the page of this index in a document that the copier made.
pub(super) fn page<'d>(objects: &Objects<'d>, index: usize) -> Option<&'d Dict> {
    match objects.get(crate::copy::page_number(index))? {
        Value::Plain(Object::Dict(page)) => Some(page),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::object::Id;
    use crate::write::Document;

    fn dict(entries: &[(&[u8], Object)]) -> Dict {
        let mut dict = Dict::default();
        entries.iter().for_each(|(key, value)| dict.push(key, value.clone()));
        dict
    }

    /// What is made of this content, with a font, a graphics state and a form at hand.
    fn reading(content: &str, form: &str) -> Result<Tally, Doubt> {
        let refer = |number: u32| Object::Ref(Id::new(number, 0));
        let one = |name: &[u8], number: u32| Object::Dict(dict(&[(name, refer(number))]));
        let resources = dict(&[
            (b"Font", one(b"F", 5)),
            (b"ExtGState", one(b"G", 6)),
            (b"XObject", Object::Dict(dict(&[(b"X", refer(7)), (b"Gone", refer(99))]))),
        ]);
        let page = dict(&[(b"Contents", refer(4)), (b"Resources", Object::Dict(resources))]);
        let stream =
            |dict: Dict, text: &str| Value::Stream(Stream { dict, data: Bytes::copy_from_slice(text.as_bytes()) });
        let document = Document {
            objects: vec![
                (3, Value::Plain(Object::Dict(page))),
                (4, stream(Dict::default(), content)),
                (5, Value::Plain(Object::Dict(dict(&[(b"Subtype", Object::name(b"Type1"))])))),
                (6, Value::Plain(Object::Dict(dict(&[(b"CA", Object::Int(1))])))),
                (7, stream(dict(&[(b"Subtype", Object::name(b"Form"))]), form)),
            ],
            root: 1,
            info: None,
        };
        let objects = Objects::of(&document);
        read(&objects, page_of(&objects), Deadline::after(Duration::from_secs(60)))
    }

    fn page_of<'d>(objects: &Objects<'d>) -> &'d Dict {
        page(objects, 0).unwrap()
    }

    #[test]
    fn what_is_understood_is_counted() {
        let content =
            "q 1 g /G gs 0 0 9 9 re f 0 0 m 9 9 l S n BT /F 9 Tf 3 Tr (a) Tj () Tj [(b) -2] TJ ET Q /X Do /X Do";
        let tally = reading(content, "1 0 0 RG 1 1 2 2 re W n [1 2] 0 d 0 0 5 5 re b*").unwrap();
        assert_eq!(tally, Tally { texts: 2, paths: 4, images: 0, conditional: false });
        assert_eq!(reading("", "").unwrap(), Tally::default());
    }

    #[test]
    fn every_kind_of_surprise_is_doubt() {
        let surprises = [
            "q Q )",
            "q Q >",
            "q Q ]",
            "q Q >>",
            "q Q }",
            "<4!> Tj",
            "1 2 3 re",
            "1 2 3 4 5 re",
            "1 2 m 3 l",
            "(a) (b) Tj",
            "/F Tf",
            "1 0 0 1 0 cm",
            "5",
            "(open",
            "[1 2",
            "<<",
            "foo",
            "q q1 Q",
            "1 0 rg",
            "0 0 0 0 g",
            "/Gone Do",
            "/None Do",
            "/None gs",
            "/None 9 Tf",
            "/P cs",
            "/Pattern cs",
            "/X sh",
            "BI /W 1 ID x EI",
            "[(a) /b] TJ",
            "/X /Y Do",
            "1 w w",
            "\u{80}",
            "1.2.3 w",
            "--1 w",
            "/OC /L /M BDC",
        ];
        for surprise in surprises {
            assert!(reading(surprise, "").is_err(), "{surprise}");
            assert!(reading("/X Do", surprise).is_err(), "{surprise} in a form");
        }
    }

    #[test]
    fn forms_that_draw_themselves_end() {
        assert!(reading("/X Do", "/X Do").is_err());
        assert!(reading("/X Do", &"/X Do ".repeat(50)).is_err());
    }
}
