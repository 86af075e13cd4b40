//! Answers of commands that do one thing: rows for a person, or one JSON object.

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::outcome::Failure;
use crate::{file, print};

/// Prints an answer: as one JSON object, or as lines of name and value.
pub(crate) fn answer(value: &Value, as_json: bool) {
    if as_json {
        return print::json(value);
    }
    let mut rows = Vec::new();
    flatten("", value, &mut rows);
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in rows {
        print::line(&format!("{name:width$}  {value}"));
    }
}

/// Ends a command that does one thing.
pub(crate) fn end(result: Result<Value, Failure>, as_json: bool) -> ExitCode {
    match result {
        // It has been said already.
        Ok(Value::Null) => ExitCode::SUCCESS,
        Ok(value) => {
            answer(&value, as_json);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            if as_json {
                print::json(&json!({"ok": false, "error": failure}));
            } else {
                crate::print::note(&format!("sealpress: {failure}"));
            }
            failure.exit()
        }
    }
}

/// Writes what was fetched into a file, and says what it is.
///
/// `-` is standard output, which then has nothing but the bytes.
pub(crate) fn save(bytes: &[u8], out: &Path) -> Result<Value, Failure> {
    if out == Path::new("-") {
        print::bytes_out(&[bytes]);
        return Ok(Value::Null);
    }
    file::write(out, bytes).map_err(|e| Failure::io(&format!("{} cannot be written", out.display()), &e))?;
    let format = sealpress_media::Media::sniff(bytes.to_vec()).ok().map(|m| m.format());
    Ok(json!({"ok": true, "output": out.to_string_lossy(), "bytes": bytes.len(), "format": format}))
}

/// Nested objects become dotted names. A work list, not recursion: answers come from outside.
fn flatten(prefix: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let mut todo = vec![(prefix.to_owned(), value)];
    while let Some((name, value)) = todo.pop() {
        let join = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        match value {
            Value::Object(fields) => todo.extend(fields.iter().rev().map(|(key, v)| (join(key), v))),
            Value::Array(items) => todo.extend(items.iter().enumerate().rev().map(|(i, v)| (join(&i.to_string()), v))),
            Value::Null => {}
            Value::String(text) => {
                rows.push((name, text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()))
            }
            other => rows.push((name, other.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_answers_become_rows_in_their_order() {
        let mut rows = Vec::new();
        flatten("", &json!({"a": {"b": 1, "c": ["x\ny", null]}, "d": true}), &mut rows);
        let rows: Vec<_> = rows.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(rows, ["a.b=1", "a.c.0=x y", "d=true"]);
    }
}
