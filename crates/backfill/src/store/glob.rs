//! Patterns over media as a manifest names them: `*` stands for any characters, slashes included, `?` for one.

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob(String);

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether the whole text is of this form.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (self.0.chars().collect(), text.chars().collect());
        let (mut p, mut t) = (0, 0);
        // Where the last star stood, and how far its match had come: it takes one more on each retreat.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    star = Some((p, t));
                    p += 1;
                }
                Some(c) if *c == '?' || *c == text[t] => (p, t) = (p + 1, t + 1),
                _ => match star {
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        (p, t) = (at + 1, taken + 1);
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|c| *c == '*')
    }

    /// The same for SQLite's `GLOB`.
    pub(crate) fn sqlite(&self) -> String {
        self.0.replace('[', "[[]")
    }

    /// The same for a `LIKE` that knows case and escapes with a backslash.
    pub(crate) fn like(&self) -> String {
        let mut like = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            match c {
                '*' => like.push('%'),
                '?' => like.push('_'),
                '%' | '_' | '\\' => like.extend(['\\', c]),
                c => like.push(c),
            }
        }
        like
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text) in [
            ("*.pdf", "a/b/c.pdf"),
            ("a?c*", "abc"),
            ("*", ""),
            ("*a*b*", "xaxxbx"),
            ("2024/*/face[1].jpg", "2024/k/face[1].jpg"),
        ] {
            assert!(Glob::new(pattern).matches(text), "{pattern} {text}");
            let sql = rusqlite::Connection::open_in_memory().unwrap();
            let same = |sql_pattern: String| {
                sql.query_row("SELECT ?1 GLOB ?2", [text, &sql_pattern], |r| r.get::<_, bool>(0)).unwrap()
            };
            assert!(same(Glob::new(pattern).sqlite()), "{pattern} in SQL");
        }
        for (pattern, text) in
            [("*.pdf", "a.PDF"), ("a?c", "ac"), ("", "a"), ("*ab", "aba"), ("face[12].jpg", "face1.jpg")]
        {
            assert!(!Glob::new(pattern).matches(text), "{pattern} {text}");
        }
        assert_eq!(Glob::new("50%_*?\\x").like(), "50\\%\\_%_\\\\x");
    }
}
