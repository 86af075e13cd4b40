//! Pages that are plainly not empty: black text or a black area in the midst of the page, told from the first operators
//! of its content. Most pages are such, and nobody has to copy them, parse their fonts or draw them to know it.
//!
//! Whatever is the least unusual (a clip that is no rectangle, a state that may hide something, text that may be blank,
//! a layer) is left to the rule proper, which is then asked as if nobody had looked.

use std::collections::HashSet;

use crate::failure::Leave;
use crate::inflate;
use crate::matrix::{IDENTITY, Matrix, number, numbers, times};
use crate::object::{Dict, Object, Value};
use crate::source::{Source, Token, Tokens};
use crate::walk::Page;

/// Content that is looked through; longer one is left to the rule.
const MAX_CONTENT: u64 = 1 << 20;

/// Operators looked at: what is plain is so soon.
const MAX_OPERATORS: usize = 4_000;

/// Graphics states saved at a time.
const MAX_SAVED: usize = 64;

/// So many different codes are not all blanks, whatever the font makes of them.
const CODES: usize = 8;

/// Points of the letters that are counted.
const LETTERS: std::ops::RangeInclusive<f64> = 3.0..=300.0;

/// A channel at most this bright is dark, as in [`super::marks`].
const DARK: f64 = 0.7;

/// Ink of at least this share is dark.
const INKED: f64 = 0.5;

/// Square points of an area that is seen.
const AREA: f64 = 1.0;

/// Whether the page has a mark beyond doubt. `false` says nothing.
pub(crate) fn has_mark(source: &Source, page: &Page) -> Result<bool, Leave> {
    let Some(paper) = paper(source, &page.dict)? else { return Ok(false) };
    let Value::Plain(Object::Dict(resources)) = source.entry(&page.dict, b"Resources")? else { return Ok(false) };
    let Some(content) = content(source, page)? else { return Ok(false) };
    let state = State { ctm: IDENTITY, clip: paper, dark: true, components: 1, mode: 0, font: Font::None, size: 0.0 };
    let mut looking = Looking {
        source,
        resources: &resources,
        state,
        saved: Vec::new(),
        line: IDENTITY,
        leading: 0.0,
        at_origin: false,
        path: Path::None,
        clips: false,
        codes: HashSet::new(),
    };
    Ok(looking.finds(&bytes::Bytes::from(content))?.unwrap_or(false))
}

/// Left, bottom, right, top.
type Rect = [f64; 4];

fn common(a: Rect, b: Rect) -> Rect {
    [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]
}

fn paper(source: &Source, page: &Dict) -> Result<Option<Rect>, Leave> {
    let mut paper = None;
    for key in [b"MediaBox".as_slice(), b"CropBox"] {
        let Some(sides) = page.get(key) else { continue };
        let Value::Plain(Object::Array(sides)) = source.resolve(sides)? else { return Ok(None) };
        let Some([x0, y0, x1, y1]) = numbers(&sides) else { return Ok(None) };
        let sides = [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)];
        paper = Some(paper.map_or(sides, |paper| common(paper, sides)));
    }
    Ok(paper)
}

/// The content of the page, if it can be read and is not long.
fn content(source: &Source, page: &Page) -> Result<Option<Vec<u8>>, Leave> {
    let streams = match source.entry(&page.dict, b"Contents")? {
        Value::Stream(stream) => vec![stream],
        Value::Plain(Object::Array(parts)) => {
            let mut streams = Vec::with_capacity(parts.len());
            for part in &parts {
                let Value::Stream(stream) = source.resolve(part)? else { return Ok(None) };
                streams.push(stream);
            }
            streams
        }
        Value::Plain(_) => return Ok(None),
    };
    let mut content = Vec::new();
    for stream in streams {
        let left = MAX_CONTENT.saturating_sub(content.len() as u64);
        let Ok(part) = inflate::undo(&stream, left) else { return Ok(None) };
        content.extend_from_slice(&part);
        content.push(b'\n');
    }
    Ok(Some(content))
}

#[derive(Clone, Copy)]
enum Font {
    None,
    /// A byte is a code.
    Simple,
    /// Two bytes are one, nearly always.
    Composite,
}

#[derive(Clone)]
struct State {
    ctm: Matrix,
    /// What of the page is drawn on.
    clip: Rect,
    /// Whether what is filled is dark.
    dark: bool,
    /// Of the colour that is filled with; 0 where it is not known.
    components: usize,
    mode: i64,
    font: Font,
    size: f64,
}

/// What was begun and not painted yet.
#[derive(Clone, Copy)]
enum Path {
    None,
    One(Rect),
    Other,
}

struct Looking<'a> {
    source: &'a Source,
    resources: &'a Dict,
    state: State,
    saved: Vec<State>,
    /// Where the line of text begins.
    line: Matrix,
    leading: f64,
    /// Nothing was shown on the line yet.
    at_origin: bool,
    path: Path,
    /// The path is going to be a clip.
    clips: bool,
    /// What was shown where it is seen.
    codes: HashSet<u16>,
}

impl Looking<'_> {
    /// `None` where something is unusual.
    fn finds(&mut self, content: &bytes::Bytes) -> Result<Option<bool>, Leave> {
        let (mut tokens, mut operands) = (Tokens::new(content), Vec::new());
        let mut left = MAX_OPERATORS;
        while left > 0 {
            match tokens.next() {
                Ok(Some(Token::Operand(operand))) => {
                    operands.push(operand);
                    // An array of dashes, and nothing is ever longer.
                    if operands.len() > 40 {
                        return Ok(None);
                    }
                }
                Ok(Some(Token::Operator(b"BI"))) => {
                    if tokens.skip_image().is_err() {
                        return Ok(None);
                    }
                    operands.clear();
                }
                Ok(Some(Token::Operator(name))) => {
                    left -= 1;
                    match self.operator(name, &operands)? {
                        Some(false) => operands.clear(),
                        other => return Ok(other),
                    }
                }
                Ok(None) | Err(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Whether there is a mark now; `None` where something is unusual.
    fn operator(&mut self, name: &[u8], operands: &[Object]) -> Result<Option<bool>, Leave> {
        let state = &mut self.state;
        match name {
            b"q" if self.saved.len() < MAX_SAVED => self.saved.push(state.clone()),
            b"Q" => match self.saved.pop() {
                Some(saved) => *state = saved,
                None => return Ok(None),
            },
            b"cm" => match numbers(operands) {
                Some(matrix) => state.ctm = times(matrix, state.ctm),
                None => return Ok(None),
            },
            b"gs" => return Ok(self.is_ordinary(operands)?.then_some(false)),
            b"g" | b"rg" | b"k" => {
                state.components = operands.len();
                return Ok(self.colour(operands));
            }
            b"sc" | b"scn" => return Ok(self.colour(operands)),
            b"cs" => self.space(operands)?,
            b"BT" => (self.line, self.at_origin) = (IDENTITY, true),
            b"Tf" => self.font(operands)?,
            b"Tr" => match operands {
                [Object::Int(mode @ 0..=3)] => state.mode = *mode,
                _ => return Ok(None),
            },
            b"TL" => match numbers(operands) {
                Some([leading]) => self.leading = leading,
                None => return Ok(None),
            },
            b"Td" | b"TD" => match numbers(operands) {
                Some([x, y]) => {
                    if name == b"TD" {
                        self.leading = -y;
                    }
                    self.next_line(x, y);
                }
                None => return Ok(None),
            },
            b"T*" => self.next_line(0.0, -self.leading),
            b"Tm" => match numbers(operands) {
                Some(matrix) => (self.line, self.at_origin) = (matrix, true),
                None => return Ok(None),
            },
            b"'" | b"\"" => {
                self.next_line(0.0, -self.leading);
                return Ok(Some(self.shows(operands.last())));
            }
            b"Tj" | b"TJ" => return Ok(Some(self.shows(operands.last()))),
            b"re" => match numbers(operands) {
                Some([x, y, width, height]) => self.path = self.rectangle(x, y, width, height),
                None => return Ok(None),
            },
            b"m" | b"l" | b"c" | b"v" | b"y" => self.path = Path::Other,
            b"W" | b"W*" => self.clips = true,
            b"f" | b"F" | b"f*" | b"B" | b"B*" | b"b" | b"b*" => return Ok(self.painted(true)),
            b"n" | b"S" | b"s" => return Ok(self.painted(false)),
            // Layers, and what narrows or widens text until it is gone.
            b"BDC" if operands.first().and_then(Object::as_name) == Some(b"OC") => return Ok(None),
            b"Tz" => match numbers(operands) {
                Some([wide]) if wide >= 10.0 => {}
                _ => return Ok(None),
            },
            b"ET" | b"h" | b"w" | b"J" | b"j" | b"M" | b"d" | b"i" | b"ri" | b"G" | b"RG" | b"K" | b"CS" | b"SC"
            | b"SCN" | b"Tc" | b"Tw" | b"Ts" | b"BMC" | b"BDC" | b"EMC" | b"MP" | b"DP" | b"Do" | b"sh" => {}
            _ => return Ok(None),
        }
        Ok(Some(false))
    }

    fn next_line(&mut self, x: f64, y: f64) {
        self.line = times([1.0, 0.0, 0.0, 1.0, x, y], self.line);
        self.at_origin = true;
    }

    /// The path with one more rectangle.
    fn rectangle(&self, x: f64, y: f64, width: f64, height: f64) -> Path {
        let [a, b, c, d, e, f] = self.state.ctm;
        let upright = (b == 0.0 && c == 0.0) || (a == 0.0 && d == 0.0);
        if !matches!(self.path, Path::None) || !upright {
            return Path::Other;
        }
        let point = |x: f64, y: f64| (a * x + c * y + e, b * x + d * y + f);
        let ((x0, y0), (x1, y1)) = (point(x, y), point(x + width, y + height));
        Path::One([x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)])
    }

    /// Ends a path.
    fn painted(&mut self, filled: bool) -> Option<bool> {
        let (path, clips) = (std::mem::replace(&mut self.path, Path::None), std::mem::take(&mut self.clips));
        let state = &mut self.state;
        if let Path::One(area) = path
            && filled
            && state.dark
        {
            let seen = common(area, state.clip);
            let (width, height) = (seen[2] - seen[0], seen[3] - seen[1]);
            if width > 0.0 && height > 0.0 && width * height >= AREA {
                return Some(true);
            }
        }
        match path {
            _ if !clips => {}
            Path::One(area) => state.clip = common(state.clip, area),
            // Nothing is drawn behind an empty clip, and readers do not agree on what one is.
            Path::None | Path::Other => return None,
        }
        Some(false)
    }

    /// Counts what is shown, where it is seen.
    fn shows(&mut self, text: Option<&Object>) -> bool {
        let state = &self.state;
        let at_origin = std::mem::take(&mut self.at_origin);
        let place = times(self.line, state.ctm);
        let high = state.size.abs() * place[2].hypot(place[3]);
        let [left, bottom, right, top] = state.clip;
        let (x, y) = (place[4], place[5]);
        let inside = x > left + high && x < right - high && y > bottom + high && y < top - high;
        if !(at_origin && inside && state.dark && state.mode != 1 && state.mode != 3 && LETTERS.contains(&high)) {
            return false;
        }
        let strings: &[Object] = match text {
            Some(Object::Array(items)) => items,
            Some(single) => std::slice::from_ref(single),
            None => return false,
        };
        for item in strings {
            let Object::String(text) = item else { continue };
            match state.font {
                Font::None => return false,
                Font::Simple => {
                    let blank = |b: &u8| matches!(b, 0..=0x20 | 0xA0);
                    self.codes.extend(text.iter().filter(|b| !blank(b)).map(|b| u16::from(*b)));
                }
                Font::Composite => {
                    self.codes.extend(text.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)));
                }
            }
        }
        self.codes.len() >= CODES
    }

    fn colour(&mut self, operands: &[Object]) -> Option<bool> {
        let state = &mut self.state;
        let levels: Option<Vec<f64>> = operands.iter().map(number).collect();
        state.dark = match (state.components, levels.as_deref()) {
            (1, Some([grey])) => *grey <= DARK,
            (3, Some(channels @ [_, _, _])) => channels.iter().any(|channel| *channel <= DARK),
            (4, Some(inks @ [_, _, _, _])) => inks.iter().any(|ink| *ink >= INKED),
            _ => false,
        };
        Some(false)
    }

    /// The colour space that is filled with. Its first colour is black, if it is a space of colours.
    fn space(&mut self, operands: &[Object]) -> Result<(), Leave> {
        let source = self.source;
        let components = match operands {
            [Object::Name(name)] => match name.as_bytes() {
                b"DeviceGray" => 1,
                b"DeviceRGB" => 3,
                b"DeviceCMYK" => 4,
                named => {
                    let space = source.entry(self.resources, b"ColorSpace")?;
                    let space = space.dict().map_or(Ok(Value::NULL), |spaces| source.entry(spaces, named))?;
                    match &space {
                        Value::Plain(Object::Array(parts)) => match parts.as_slice() {
                            [Object::Name(family), profile, ..] if family.as_bytes() == b"ICCBased" => {
                                let profile = source.resolve(profile)?;
                                let n = profile.dict().and_then(|dict| dict.get(b"N")).and_then(Object::as_int);
                                n.and_then(|n| usize::try_from(n).ok()).filter(|n| matches!(n, 1 | 3)).unwrap_or(0)
                            }
                            [Object::Name(family), ..] if family.as_bytes() == b"CalRGB" => 3,
                            [Object::Name(family), ..] if family.as_bytes() == b"CalGray" => 1,
                            _ => 0,
                        },
                        _ => 0,
                    }
                }
            },
            _ => 0,
        };
        (self.state.components, self.state.dark) = (components, components > 0);
        Ok(())
    }

    fn font(&mut self, operands: &[Object]) -> Result<(), Leave> {
        let state = &mut self.state;
        (state.font, state.size) = (Font::None, 0.0);
        let [Object::Name(name), size] = operands else { return Ok(()) };
        let Value::Plain(Object::Dict(fonts)) = self.source.entry(self.resources, b"Font")? else { return Ok(()) };
        let font = self.source.entry(&fonts, name.as_bytes())?;
        state.font = match font.dict().and_then(|font| font.get_name(b"Subtype")) {
            Some(b"Type1" | b"TrueType" | b"MMType1") => Font::Simple,
            Some(b"Type0") => Font::Composite,
            // Glyphs of Type 3 are content, which may be nothing.
            _ => Font::None,
        };
        state.size = number(size).unwrap_or(0.0);
        Ok(())
    }

    /// Whether a graphics state hides nothing.
    fn is_ordinary(&self, operands: &[Object]) -> Result<bool, Leave> {
        let [Object::Name(name)] = operands else { return Ok(false) };
        let Value::Plain(Object::Dict(states)) = self.source.entry(self.resources, b"ExtGState")? else {
            return Ok(false);
        };
        let Value::Plain(Object::Dict(state)) = self.source.entry(&states, name.as_bytes())? else { return Ok(false) };
        Ok(state.entries().iter().all(|(key, value)| match key.as_bytes() {
            b"ca" | b"CA" => number(value).is_some_and(|alpha| alpha >= 0.9),
            b"BM" => matches!(value.as_name(), Some(b"Normal" | b"Compatible")),
            b"SMask" => value.as_name() == Some(b"None"),
            b"Type" | b"LW" | b"LC" | b"LJ" | b"ML" | b"D" | b"RI" | b"OP" | b"op" | b"OPM" | b"FL" | b"SM" | b"SA"
            | b"AIS" | b"TK" => true,
            _ => false,
        }))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::clock::Deadline;
    use crate::policy::Policy;
    use crate::report::Reader;
    use crate::walk::Walk;

    /// Whether a page of this content has a plain mark. `F` is a simple font and `C` a composite one, `N` a state that
    /// hides nothing and `M` one that may, `S` a space of a profile.
    fn is_plain(content: &str) -> bool {
        let objects = [
            "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
            "<</Type/Pages/Count 1/Kids[3 0 R]/MediaBox[0 0 595 842]>>".to_owned(),
            "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R/C 6 0 R/T 7 0 R>>\
             /ExtGState<</N<</LW 1/ca 1>>/M<</SMask 8 0 R>>>>/ColorSpace<</S[/ICCBased 8 0 R]>>>>>>"
                .to_owned(),
            format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()),
            "<</Type/Font/Subtype/TrueType>>".to_owned(),
            "<</Type/Font/Subtype/Type0>>".to_owned(),
            "<</Type/Font/Subtype/Type3>>".to_owned(),
            "<</N 3/Length 0>>\nstream\n\nendstream".to_owned(),
        ];
        let (mut file, mut table) = ("%PDF-1.7\n".to_owned(), "xref\n0 9\n0000000000 65535 f \n".to_owned());
        for (number, object) in (1..).zip(objects) {
            table += &format!("{:010} 00000 n \n", file.len());
            file += &format!("{number} 0 obj\n{object}\nendobj\n");
        }
        let start = file.len();
        let file = Bytes::from(format!("{file}{table}trailer\n<</Size 9/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"));
        let Ok(source) = Source::open(Reader::Strict, &file, &Policy::default()) else { panic!("{content}") };
        let deadline = Deadline::after(std::time::Duration::from_secs(60));
        let page = Walk::new(&source, deadline).ok().and_then(|mut walk| walk.next().ok().flatten());
        has_mark(&source, &page.expect("the page")).unwrap_or_else(|leave| panic!("{content}: {}", leave.0))
    }

    #[test]
    fn ordinary_pages_are_plain() {
        for content in [
            "BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "q 0 0 595 842 re W n BT /F 12 Tf 1 0 0 1 72 700 Tm [(An) -20 ( amount due)] TJ ET Q",
            "1 0 0 -1 0 842 cm q .75 0 0 .75 0 0 cm /N gs BT /C 16 Tf 1 0 0 -1 96 96 Tm <0001000200030004> Tj 0 -20 Td \
             <00050006000700080009> Tj ET Q",
            "/S cs 0 0 0.2 sc BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "0.1 0 0 rg 100 100 50 50 re f",
            "0 0 0 1 k 100 100 50 50 re B",
            "BI /W 1 /H 1 /BPC 8 /CS /G ID x EI BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "/I Do 0 0 m 9 9 l S BT /F 12 Tf 72 700 Td (An) Tj 12 TL T* (amount of due) Tj ET",
        ] {
            assert!(is_plain(content), "{content}");
        }
    }

    #[test]
    fn whatever_is_unusual_is_left_to_the_rule() {
        for content in [
            "",
            "BT /F 12 Tf 72 700 Td (aaaaaaaaaaaaa) Tj ET",
            "BT /C 12 Tf 72 700 Td <00030003000300030003> Tj ET",
            "BT /T 12 Tf 72 700 Td (An amount due) Tj ET",
            "BT /None 12 Tf 72 700 Td (An amount due) Tj ET",
            "BT /F 1 Tf 72 700 Td (An amount due) Tj ET",
            "BT /F 12 Tf 3 Tr 72 700 Td (An amount due) Tj ET",
            "BT /F 12 Tf 7 Tr 72 700 Td (An amount due) Tj ET",
            "BT /F 12 Tf 1 Tr 72 700 Td (An amount due) Tj ET",
            "1 g BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "/S cs 1 1 1 sc BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "/Odd cs BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "/M gs BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "/Gone gs BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "/OC /L BDC BT /F 12 Tf 72 700 Td (An amount due) Tj ET EMC",
            "0 0 m 9 9 l 9 0 l W n BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "9 9 9 9 re W n BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "9 9 9 9 re 99 99 999 999 re W n BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "W n BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "BT /F 12 Tf 72 900 Td (An amount due) Tj ET",
            "BT /F 12 Tf 590 700 Td (An amount due) Tj ET",
            "BT /F 12 Tf 72 700 Td ( ) Tj (An amount due) Tj ET",
            "0 Tz BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "0 0 0 0 0 0 cm BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "Q BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            ") BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "odd BT /F 12 Tf 72 700 Td (An amount due) Tj ET",
            "1 g 100 100 50 50 re f",
            "0 g 100 100 0.5 0.5 re f",
            "0 g 600 100 50 50 re f",
            "0 g 100 100 50 50 re 200 200 50 50 re f",
            "0 g 1 1 -1 1 0 0 cm 100 100 50 50 re f",
        ] {
            assert!(!is_plain(content), "{content}");
        }
    }
}
