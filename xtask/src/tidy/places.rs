//! Where our pages send their reader, something is.

use std::path::Path;

use super::files;

#[test]
fn every_place_that_a_page_names_exists() {
    let root = crate::root();
    let mut pages = files(".", "md");
    // What a release did is told of the names that it had.
    pages.retain(|(path, _)| !path.ends_with("CHANGELOG.md") && !root.join(path).is_symlink());
    assert!(pages.len() > 20, "only {} pages found", pages.len());
    let mut missing = Vec::new();
    let mut named = 0;
    for (page, text) in &pages {
        let folder = root.join(page);
        let folder = folder.parent().expect("a page is in a folder");
        for place in places(text) {
            named += 1;
            // Seen from the page, from its crate's sources, from the root, and from the crates, as the map names them.
            let seen_from = [folder, &folder.join("src"), &root, &root.join("crates")].map(Path::to_path_buf);
            if !seen_from.iter().any(|from| from.join(&place).exists()) {
                missing.push(format!("{page}: {place}"));
            }
        }
    }
    assert!(named > 100, "only {named} places found");
    assert!(missing.is_empty(), "named, and not there:\n{}", missing.join("\n"));
}

/// Links to files, and files and folders between backticks. `a/{b,c}.rs` are two.
fn places(text: &str) -> Vec<String> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    let links =
        links.filter(|link| !link.is_empty() && !link.contains("://") && !link.contains(' ')).map(str::to_owned);
    let prose = text.split("```").step_by(2);
    let code = prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).filter(|code| is_place(code));
    links.chain(code.flat_map(spelt_out)).collect()
}

/// A path of sources, scripts or pages; capitals stand for a name that the reader has to put there.
fn is_place(code: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-./{},".contains(c);
    let file = [".rs", ".toml", ".sh", ".py", ".yml"].iter().any(|end| code.ends_with(end));
    code.contains('/') && !code.starts_with(['/', '.']) && file && code.chars().all(plain)
}

fn spelt_out(path: &str) -> Vec<String> {
    let parts =
        path.split_once('{').and_then(|(head, rest)| rest.split_once('}').map(|(inner, tail)| (head, inner, tail)));
    let Some((head, inner, tail)) = parts else { return vec![path.to_owned()] };
    inner.split(',').flat_map(|one| spelt_out(&format!("{head}{}{tail}", one.trim()))).collect()
}

#[test]
fn places_are_told_from_other_words() {
    let text = "See [the map](crates/README.md#words) or [there](https://a.example/b.rs), `a/{b,c}/d.rs`, `image/jpg`, \
                `src/NAME/wire.rs`.\n```\n`x/y.rs`\n```\n";
    assert_eq!(places(text), ["crates/README.md", "a/b/d.rs", "a/c/d.rs"]);
}
