//! Answers as the documents allow them but nobody expects: other number forms, extra fields, any order.

use serde_json::{Map, Value, json};
use std::fmt::Write as _;

use crate::faults::roll;
use crate::wire::Answer;

/// Rewrites a successful JSON answer, the `n`th under this seed; others are left alone.
pub(crate) fn vary(answer: &mut Answer, seed: u64, n: u64) {
    let Ok(value) = serde_json::from_slice::<Value>(&answer.body) else { return };
    let mut dice = seed ^ n.rotate_left(32);
    let mut text = String::with_capacity(answer.body.len() * 2);
    write(&value, &mut dice, &mut text);
    answer.body = text.into();
    if roll(&mut dice).is_multiple_of(2) {
        answer.status = if answer.status == 200 { 201 } else { 200 };
    }
    answer.set("x-new-header", "1");
}

/// Only called with values of the emulator's own making, which are a few levels deep.
fn write(value: &Value, dice: &mut u64, out: &mut String) {
    match value {
        Value::Object(fields) => object(fields, dice, out),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write(item, dice, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn object(fields: &Map<String, Value>, dice: &mut u64, out: &mut String) {
    let mut pairs: Vec<(String, Value)> = fields.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let extra = roll(dice) % 1000;
    // Lists may be there or not.
    pairs.retain(|(name, value)| name != "videos" || *value != json!([]) || !roll(dice).is_multiple_of(2));
    pairs.push((format!("addedLater{extra}"), json!([extra, null])));
    for at in (1..pairs.len()).rev() {
        let other = usize::try_from(roll(dice) % (at as u64 + 1)).unwrap_or(0);
        pairs.swap(at, other);
    }
    out.push('{');
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        let _ = write!(out, "{}: ", Value::String(name.clone()));
        match (name.as_str(), value) {
            ("size" | "duration", Value::Number(n)) => match roll(dice) % 3 {
                0 => {
                    let _ = write!(out, "{n}.0");
                }
                1 => {
                    let _ = write!(out, "\"{n}\"");
                }
                _ => out.push_str(&n.to_string()),
            },
            ("timestamp", Value::Null) => out.push_str(["null", "\"null\"", "\"None\""][(roll(dice) % 3) as usize]),
            ("mimetype", Value::String(m)) if m == "image/jpeg" => {
                let forms = ["\"image/jpeg\"", "\"image/jpg\"", "\".jpg\"", "\".jpeg\""];
                out.push_str(forms[(roll(dice) % 4) as usize]);
            }
            (_, value) => write(value, dice, out),
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varied_answers_keep_their_meaning() {
        for seed in 0..50 {
            let mut answer = Answer::json(200, &json!({ "status": "success", "image": { "id": "a", "size": 12345 } }));
            vary(&mut answer, seed, seed / 2);
            let value: Value = serde_json::from_slice(&answer.body).unwrap();
            assert_eq!(value["status"], "success");
            assert_eq!(value["image"]["id"], "a");
            let size = &value["image"]["size"];
            let size = size.as_f64().or_else(|| size.as_str().and_then(|s| s.parse().ok()));
            assert_eq!(size, Some(12345.0));
            assert!(matches!(answer.status, 200 | 201));
        }
    }
}
