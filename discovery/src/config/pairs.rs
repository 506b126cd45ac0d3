//! `name=value;name=value`: filters of EC2 instances, and tags of ECS tasks.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::invalid::Invalid;

/// Filters of `DescribeInstances`: a name, and values of which any one may match.
///
/// As text, `name=value` pairs separated by `;`, each split at its *first* `=`, so that values may contain `=`. A
/// repeated name adds a value. Empty text means no filter. A value that contains `;` has no text form: use
/// [`Filters::new`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<String, Vec<String>>);

/// Tags that a task must have, all of them. The text form is that of [`Filters`], with one value for each key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, String>);

impl Filters {
    /// Several values per name: an instance matches when any of them does.
    ///
    /// # Errors
    ///
    /// When a name is empty or a name has no value.
    pub fn new(filters: BTreeMap<String, Vec<String>>) -> Result<Self, Invalid> {
        for (name, values) in &filters {
            if name.trim().is_empty() {
                return Err(Invalid::new("filters", "a filter's name is empty"));
            }
            if values.is_empty() {
                return Err(Invalid::new(
                    "filters",
                    format!("`{name}` has no value; expected at least one"),
                ));
            }
        }
        Ok(Self(filters))
    }

    /// By name, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0
            .iter()
            .map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// Whether there is no filter.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Filters {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut filters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in pairs("filters", text)? {
            filters.entry(name).or_default().push(value);
        }
        Self::new(filters)
    }
}

impl fmt::Display for Filters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self
            .0
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        write_pairs(f, pairs)
    }
}

impl Tags {
    /// One value per key.
    ///
    /// # Errors
    ///
    /// When a key is empty.
    pub fn new(tags: BTreeMap<String, String>) -> Result<Self, Invalid> {
        if tags.keys().any(|key| key.trim().is_empty()) {
            return Err(Invalid::new("tags", "a tag's key is empty"));
        }
        Ok(Self(tags))
    }

    /// By key, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether no tag is required.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Tags {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut tags = BTreeMap::new();
        for (key, value) in pairs("tags", text)? {
            if tags.contains_key(&key) {
                return Err(Invalid::new(
                    "tags",
                    format!("`{key}` is given twice; a task has one value per key"),
                ));
            }
            tags.insert(key, value);
        }
        Self::new(tags)
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pairs(f, &self.0)
    }
}

/// Spaces around a name are removed; a value stays as it is.
fn pairs(field: &'static str, text: &str) -> Result<Vec<(String, String)>, Invalid> {
    text.split(';')
        .filter(|pair| !pair.trim().is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), value.to_owned()))
            }
            Some(_) | None => Err(Invalid::new(
                field,
                format!("`{pair}` is not a pair; expected name=value;name=value"),
            )),
        })
        .collect()
}

fn write_pairs<'a>(
    f: &mut fmt::Formatter<'_>,
    pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> fmt::Result {
    for (index, (name, value)) in pairs.into_iter().enumerate() {
        let separator = if index == 0 { "" } else { ";" };
        write!(f, "{separator}{name}={value}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filters(text: &str) -> Vec<(String, Vec<String>)> {
        let filters: Filters = text.parse().unwrap();
        filters
            .iter()
            .map(|(name, values)| (name.to_owned(), values.to_vec()))
            .collect()
    }

    fn filter(name: &str, values: &[&str]) -> (String, Vec<String>) {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        (name.to_owned(), values)
    }

    #[test]
    fn filters_are_pairs_separated_by_semicolons() {
        assert_eq!(
            filters("instance-type=m1.small;tag:purpose=production"),
            [
                filter("instance-type", &["m1.small"]),
                filter("tag:purpose", &["production"])
            ]
        );
        assert_eq!(
            filters(" a=1 ; b=2;"),
            [filter("a", &["1 "]), filter("b", &["2"])]
        );
    }

    #[test]
    fn empty_text_filters_nothing() {
        for text in ["", "  ", ";", " ; "] {
            assert_eq!(filters(text), []);
            assert!(text.parse::<Tags>().unwrap().is_empty());
        }
    }

    #[test]
    fn a_pair_is_split_at_its_first_equals_sign() {
        assert_eq!(filters("tag:q=a=b=c"), [filter("tag:q", &["a=b=c"])]);
        assert_eq!(filters("tag:q="), [filter("tag:q", &[""])]);
    }

    #[test]
    fn a_name_that_comes_again_adds_a_value() {
        assert_eq!(
            filters("a=1;b=2;a=3"),
            [filter("a", &["1", "3"]), filter("b", &["2"])]
        );
    }

    #[test]
    fn a_malformed_pair_is_quoted() {
        for (text, pair) in [
            ("a=1;nonsense", "nonsense"),
            ("=1", "=1"),
            ("a=1; =2", " =2"),
        ] {
            let error = text.parse::<Filters>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!("filters: `{pair}` is not a pair; expected name=value;name=value")
            );
        }
    }

    #[test]
    fn a_filter_without_values_is_an_error_that_names_it() {
        let error = Filters::new(BTreeMap::from([("a".to_owned(), Vec::new())])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "filters: `a` has no value; expected at least one"
        );
    }

    #[test]
    fn a_tag_cannot_have_two_values() {
        let error = "a=1;a=2".parse::<Tags>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "tags: `a` is given twice; a task has one value per key"
        );
    }

    fn name() -> impl Strategy<Value = String> {
        "[a-zA-Z:/_.@-][a-zA-Z0-9 :/_.@-]{0,10}[a-zA-Z0-9]"
    }

    proptest! {
        #[test]
        fn filters_round_trip(
            filters in prop::collection::btree_map(
                name(),
                prop::collection::vec("[^;]{0,12}", 1..4),
                0..5,
            ),
        ) {
            let filters = Filters::new(filters).unwrap();
            prop_assert_eq!(filters.to_string().parse(), Ok(filters));
        }

        #[test]
        fn tags_round_trip(tags in prop::collection::btree_map(name(), "[^;]{0,12}", 0..5)) {
            let tags = Tags::new(tags).unwrap();
            prop_assert_eq!(tags.to_string().parse(), Ok(tags));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in any::<String>()) {
            if let Ok(filters) = text.parse::<Filters>() {
                prop_assert_eq!(filters.to_string().parse(), Ok(filters));
            }
        }
    }
}
