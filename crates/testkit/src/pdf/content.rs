//! Content streams: words, lines, boxes and images in PDF's own coordinates (points from the
//! bottom left).

/// A content stream in the making.
#[derive(Clone, Debug, Default)]
pub struct Content {
    data: Vec<u8>,
}

impl Content {
    /// Nothing drawn yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Text in Helvetica.
    #[must_use]
    pub fn text(self, x: f32, y: f32, size: f32, text: &str) -> Self {
        self.font_text("F1", x, y, size, text)
    }

    /// Text in Helvetica-Bold.
    #[must_use]
    pub fn bold(self, x: f32, y: f32, size: f32, text: &str) -> Self {
        self.font_text("F2", x, y, size, text)
    }

    /// Text in the font that the resources call `font`; characters beyond Latin-1 become `?`.
    #[must_use]
    pub fn font_text(mut self, font: &str, x: f32, y: f32, size: f32, text: &str) -> Self {
        self.data.extend_from_slice(format!("BT /{font} {size} Tf {x} {y} Td (").as_bytes());
        for character in text.chars() {
            if matches!(character, '(' | ')' | '\\') {
                self.data.push(b'\\');
            }
            self.data.push(u8::try_from(u32::from(character)).unwrap_or(b'?'));
        }
        self.data.extend_from_slice(b") Tj ET\n");
        self
    }

    /// Sets the colour for filling, components 0–1.
    #[must_use]
    pub fn colour(self, red: f32, green: f32, blue: f32) -> Self {
        self.raw(&format!("{red} {green} {blue} rg {red} {green} {blue} RG\n"))
    }

    /// A filled rectangle.
    #[must_use]
    pub fn rect(self, x: f32, y: f32, width: f32, height: f32) -> Self {
        self.raw(&format!("{x} {y} {width} {height} re f\n"))
    }

    /// A line.
    #[must_use]
    pub fn line(self, from: (f32, f32), to: (f32, f32), pen: f32) -> Self {
        self.raw(&format!("{pen} w {} {} m {} {} l S\n", from.0, from.1, to.0, to.1))
    }

    /// The image or form that the resources call `name`, in this box.
    #[must_use]
    pub fn draw(self, name: &str, x: f32, y: f32, width: f32, height: f32) -> Self {
        self.raw(&format!("q {width} 0 0 {height} {x} {y} cm /{name} Do Q\n"))
    }

    /// Any operators.
    #[must_use]
    pub fn raw(mut self, operators: &str) -> Self {
        self.data.extend_from_slice(operators.as_bytes());
        self
    }

    /// The stream's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }
}
