//! Times and values of a suite, as the domain has them.

use crate::domain::{Attributes, Timestamp, Value};
use core::time::Duration;
use std::collections::BTreeMap;

/// An instant, or one relative to `now`: `-10m`, `+1h30m`, `+250ms`.
pub(super) fn instant(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let Some(rest) = text.strip_prefix(['+', '-']) else {
        return text.parse().map_err(|error: crate::domain::TimeError| error.to_string());
    };
    let wrong = || format!("`{text}` is neither an instant nor relative like `-10m` or `+1h30m`");
    let mut total: u64 = 0;
    let mut number = String::new();
    let mut unit = String::new();
    for c in rest.chars().chain(['0']) {
        if c.is_ascii_digit() && !unit.is_empty() {
            let ms = match unit.as_str() {
                "d" => 86_400_000,
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1_000,
                "ms" => 1,
                _ => return Err(wrong()),
            };
            let amount: u64 = number.parse().map_err(|_| wrong())?;
            total = amount.checked_mul(ms).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
            number.clear();
            unit.clear();
        }
        if c.is_ascii_digit() { number.push(c) } else { unit.push(c) }
    }
    if number != "0" || rest.is_empty() {
        return Err(wrong());
    }
    let by = Duration::from_millis(total);
    Ok(if text.starts_with('-') { now.minus(by) } else { now.plus(by) })
}

/// Values of a suite as the domain has them.
pub(super) fn attributes(values: &BTreeMap<String, serde_json::Value>) -> Result<Attributes, String> {
    values.iter().map(|(name, value)| Ok((name.clone(), self::value(value)?))).collect()
}

fn value(json: &serde_json::Value) -> Result<Value, String> {
    use serde_json::Value as Json;
    Ok(match json {
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => {
            Value::Long(number.as_i64().ok_or_else(|| format!("`{number}` is not a whole number"))?)
        }
        Json::String(text) => Value::String(text.clone()),
        Json::Array(values) => Value::Set(values.iter().map(value).collect::<Result<_, _>>()?),
        Json::Object(fields) => Value::Record(
            fields.iter().map(|(name, field)| Ok((name.clone(), value(field)?))).collect::<Result<_, String>>()?,
        ),
        Json::Null => return Err("null is not a value: leave the key out".to_owned()),
    })
}
