//! How the text of a setting becomes its value. Each error says what was expected.

use std::{collections::BTreeSet, fmt::Display, str::FromStr, time::Duration};

use discovery::config::{Filters, Invalid, Tags};

use super::raw::Raw;

/// Text with a [`FromStr`] whose error says what was expected.
pub(crate) fn text<T: FromStr<Err: Display>>(raw: &Raw) -> Result<T, String> {
    plain(raw)?
        .parse()
        .map_err(|error: T::Err| error.to_string())
}

/// The same for discovery's types. Their errors name a field; here the setting is named already, so the problem is
/// enough.
pub(crate) fn checked<T: FromStr<Err = Invalid>>(raw: &Raw) -> Result<T, String> {
    plain(raw)?.parse().map_err(problem)
}

/// A number, or whatever else `expected` describes.
pub(crate) fn number<T: FromStr>(raw: &Raw, expected: &str) -> Result<T, String> {
    plain(raw)?
        .parse()
        .map_err(|_unreadable| format!("expected {expected}"))
}

/// No setting needs longer, and the clock cannot represent times much further away.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A duration of more than zero and at most a day.
pub(crate) fn duration(raw: &Raw) -> Result<Duration, String> {
    let expected = "expected a duration with its unit, for example `5s` or `250ms`";
    match humantime::parse_duration(plain(raw)?) {
        Ok(duration) if LONGEST < duration => {
            Err("expected a duration of at most a day".to_owned())
        }
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) => Err("expected a duration of more than zero".to_owned()),
        Err(_) => Err(expected.to_owned()),
    }
}

/// A share from 0 to 1.
pub(crate) fn share(raw: &Raw) -> Result<f64, String> {
    match plain(raw)?.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1, for example `0.2`".to_owned()),
    }
}

/// `on` or `off`, with their usual synonyms.
pub(crate) fn switch(raw: &Raw) -> Result<bool, String> {
    match plain(raw)? {
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        _ => Err("expected `on` or `off`".to_owned()),
    }
}

/// A port; 0 is not allowed.
pub(crate) fn port(raw: &Raw) -> Result<u16, String> {
    match plain(raw)?.parse() {
        Ok(port) if port != 0 => Ok(port),
        _ => Err("expected a port from 1 to 65535".to_owned()),
    }
}

/// Words separated by commas, or a list in the file.
pub(crate) fn words(raw: &Raw) -> Result<BTreeSet<String>, String> {
    ordered_words(raw).map(|words| words.into_iter().collect())
}

/// Names of hosts, in lower case.
pub(crate) fn host_names(raw: &Raw) -> Result<BTreeSet<String>, String> {
    let names = words(raw)?;
    let is_name = |name: &String| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    if !names.iter().all(is_name) {
        return Err("expected host names without ports, separated by commas".to_owned());
    }
    Ok(names.iter().map(|name| name.to_ascii_lowercase()).collect())
}

/// Words separated by commas, or a list in the file, in their order.
pub(crate) fn ordered_words(raw: &Raw) -> Result<Vec<String>, String> {
    let items = match raw {
        Raw::Text(text) => text.split(',').map(|word| word.trim().to_owned()).collect(),
        Raw::List(items) => items.clone(),
        Raw::Table(_) => return Err("expected a list".to_owned()),
    };
    if items.iter().any(String::is_empty) {
        return Err("one of the items is empty; expected items separated by commas".to_owned());
    }
    Ok(items)
}

/// A value with commas in its text form, or a list in the file.
pub(crate) fn comma_separated<T: FromStr<Err = Invalid>>(raw: &Raw) -> Result<T, String> {
    let joined = match raw {
        Raw::List(items) => items.join(","),
        Raw::Text(text) => text.clone(),
        Raw::Table(_) => return Err("expected a list".to_owned()),
    };
    joined.parse().map_err(problem)
}

/// Filters as text, or as a table in the file with one or several values per name.
pub(crate) fn filters(raw: &Raw) -> Result<Filters, String> {
    match raw {
        Raw::Table(table) => Filters::new(table.clone()).map_err(problem),
        Raw::Text(_) | Raw::List(_) => checked(raw),
    }
}

/// Tags as text, or as a table in the file.
pub(crate) fn tags(raw: &Raw) -> Result<Tags, String> {
    let Raw::Table(table) = raw else {
        return checked(raw);
    };
    let mut tags = std::collections::BTreeMap::new();
    for (key, values) in table {
        let [value] = values.as_slice() else {
            return Err(format!("the tag `{key}` has several values; expected one"));
        };
        tags.insert(key.clone(), value.clone());
    }
    Tags::new(tags).map_err(problem)
}

/// One text, not a list or a table.
pub(crate) fn plain(raw: &Raw) -> Result<&str, String> {
    match raw {
        Raw::Text(text) => Ok(text),
        Raw::List(_) | Raw::Table(_) => Err("expected one value".to_owned()),
    }
}

fn problem(invalid: Invalid) -> String {
    invalid.problem
}
