//! What we are built from: the licences, bans and sources that `deny.toml` lists, held against every
//! package of the lock that reaches what we ship or test with. The file is cargo-deny's, and so are
//! its rules as far as they are used here; its advisories need the internet and are not.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

/// Holds everything against `deny.toml`.
pub(crate) fn check(sh: &Shell) -> anyhow::Result<()> {
    let rules: toml::Table = sh.read_file(crate::root().join("deny.toml"))?.parse().context("deny.toml")?;
    let rules = Rules::read(&rules)?;
    let text = cmd!(sh, "cargo metadata --format-version=1 --all-features --locked").quiet().read()?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let wrong: Vec<String> = packages.iter().flat_map(|package| rules.judge(package)).collect();
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    println!("{} packages have licences and sources that deny.toml allows", packages.len());
    Ok(())
}

struct Rules {
    licences: BTreeSet<String>,
    /// Names that must not appear, with the reason.
    banned: BTreeMap<String, String>,
}

impl Rules {
    fn read(rules: &toml::Table) -> anyhow::Result<Self> {
        let list = |table: &str, key: &str| {
            let found = rules.get(table).and_then(|t| t.get(key)).and_then(toml::Value::as_array);
            found.cloned().with_context(|| format!("deny.toml has no {table}.{key}"))
        };
        let text = |value: &toml::Value| value.as_str().map(str::to_owned).context("deny.toml: not a text");
        let licences = list("licenses", "allow")?.iter().map(text).collect::<Result<_, _>>()?;
        let ban = |entry: &toml::Value| {
            let field = |key| entry.get(key).map_or_else(|| Ok(String::new()), text);
            Ok::<_, anyhow::Error>((field("name")?, field("reason")?))
        };
        let banned = list("bans", "deny")?.iter().map(ban).collect::<Result<_, _>>()?;
        Ok(Self { licences, banned })
    }

    /// What is wrong with one package of `cargo metadata`.
    fn judge(&self, package: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        let name = package["name"].as_str().unwrap_or_default();
        if let Some(reason) = self.banned.get(name) {
            wrong.push(format!("{name} is banned: {reason}"));
        }
        // Ours have no source; everything else comes from the one registry, whose text must not change.
        match package["source"].as_str() {
            None => {}
            Some(source) if source.starts_with("registry+") => {}
            Some(source) => wrong.push(format!("{name} comes from {source}")),
        }
        match package["license"].as_str() {
            Some(licence) if allowed(licence, &self.licences) => {}
            Some(licence) => wrong.push(format!("{name}: {licence} is not allowed by deny.toml")),
            None => wrong.push(format!("{name} names no licence")),
        }
        let version = package["version"].as_str().unwrap_or_default();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let ours = package["source"].is_null();
            if ours && dependency["req"] == "*" && dependency["path"].is_null() {
                wrong.push(format!("{name} {version} takes any version of {}", dependency["name"]));
            }
        }
        wrong
    }
}

/// Whether an SPDX expression can be satisfied with the allowed licences. `OR` binds weaker than
/// `AND`; an old `/` is an `OR`. Expressions are short; a work list of groups instead of recursion.
fn allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    if expression.trim().is_empty() {
        return false;
    }
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    // Of each open group: whether some alternative is satisfied, and whether the present one still is.
    let mut groups = vec![(false, true)];
    while let Some(word) = words.next() {
        let value = match word {
            "(" => {
                groups.push((false, true));
                continue;
            }
            ")" => {
                let (any, this) = groups.pop().unwrap_or((false, false));
                any || this
            }
            "OR" => {
                let Some((any, this)) = groups.last_mut() else { return false };
                (*any, *this) = (*any || *this, true);
                continue;
            }
            "AND" => continue,
            licence => match words.next_if_eq(&"WITH").and_then(|_| words.next()) {
                Some(exception) => allowed.contains(&format!("{licence} WITH {exception}")),
                None => allowed.contains(licence.trim_end_matches('+')),
            },
        };
        let Some((_, this)) = groups.last_mut() else { return false };
        *this &= value;
    }
    matches!(groups.as_slice(), [(any, this)] if *any || *this)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_judged() {
        let ok: BTreeSet<String> =
            ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"].map(str::to_owned).into();
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("MIT OR GPL-3.0-only", true),
            ("MIT AND GPL-3.0-only", false),
            ("GPL-2.0 OR MIT AND ISC", true),
            ("(MIT OR GPL-2.0) AND ISC", true),
            ("(GPL-2.0 OR AGPL-3.0) AND MIT", false),
            ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", true),
            ("Apache-2.0 WITH Classpath-exception-2.0", false),
            ("MIT/Apache-2.0", true),
            ("", false),
            ("MIT)", false),
        ] {
            assert_eq!(allowed(expression, &ok), expected, "{expression}");
        }
    }

    #[test]
    fn a_package_that_breaks_each_rule_is_told() {
        let rules = "[licenses]\nallow = [\"MIT\"]\n[bans]\ndeny = [{ name = \"bad\", reason = \"because\" }]";
        let rules = Rules::read(&rules.parse().unwrap()).unwrap();
        let judge = |text: &str| rules.judge(&serde_json::from_str(text).unwrap());
        assert!(judge(r#"{"name": "fine", "license": "MIT", "source": "registry+x", "dependencies": []}"#).is_empty());
        assert!(
            judge(r#"{"name": "bad", "license": "MIT", "source": null, "dependencies": []}"#)[0].contains("because")
        );
        assert!(judge(r#"{"name": "x", "license": "AGPL-3.0", "source": null}"#)[0].contains("AGPL"));
        assert!(judge(r#"{"name": "x", "license": null, "source": null}"#)[0].contains("no licence"));
        assert!(judge(r#"{"name": "x", "license": "MIT", "source": "git+x"}"#)[0].contains("git+x"));
        let any = r#"{"name": "x", "license": "MIT", "source": null, "dependencies": [{"name": "y", "req": "*", "path": null}]}"#;
        assert!(judge(any)[0].contains("any version"));
    }
}
