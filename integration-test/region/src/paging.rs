//! Pages of a list, with tokens for the next page.
//!
//! A token names the last item of a page, so that a list may change between two pages. It is valid only for the
//! request that it came from.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::faults::PagingFaults;

/// One page.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_token: Option<String>,
}

/// A token that is not from this list.
#[derive(Debug)]
pub(super) struct InvalidToken;

/// A list as one request wants it: which one, from which item, how many items.
#[derive(Debug)]
pub(super) struct Pager<'a> {
    fingerprint: u64,
    token: Option<&'a str>,
    /// The key after which the page begins.
    after: String,
    size: usize,
}

impl<'a> Pager<'a> {
    /// `list` is all that distinguishes this list from others, and is the same for each page.
    pub(super) fn new(
        list: impl Hash,
        token: Option<&'a str>,
        size: usize,
    ) -> Result<Self, InvalidToken> {
        let mut hasher = DefaultHasher::new();
        list.hash(&mut hasher);
        let fingerprint = hasher.finish();
        let after = match token {
            None => String::new(),
            Some(token) => position(fingerprint, token).ok_or(InvalidToken)?,
        };
        Ok(Self {
            fingerprint,
            token,
            after,
            size,
        })
    }

    /// The key after which the page begins; empty for the first page.
    pub(super) fn after(&self) -> &str {
        &self.after
    }

    /// Cuts the page from the items after [`Self::after`], in order of their keys.
    pub(super) fn cut<'k, T>(
        &self,
        items: impl Iterator<Item = (&'k str, T)>,
        faults: &PagingFaults,
    ) -> Page<T> {
        let mut items = items.peekable();
        if faults.empty && items.peek().is_some() {
            return Page {
                items: Vec::new(),
                next_token: Some(token(self.fingerprint, &self.after)),
            };
        }
        let size = self.size.min(faults.at_most.unwrap_or(usize::MAX));
        let mut page = Vec::new();
        let mut last = self.after.as_str();
        while page.len() < size
            && let Some((key, item)) = items.next()
        {
            last = key;
            page.push(item);
        }
        let next_token = items
            .peek()
            .is_some()
            .then(|| token(self.fingerprint, last));
        for choice in &faults.missing {
            if !page.is_empty() {
                page.remove(choice % page.len());
            }
        }
        Page {
            items: page,
            next_token: match self.token {
                Some(token) if faults.repeat_token => Some(token.to_owned()),
                Some(_) | None => next_token,
            },
        }
    }
}

/// The list's fingerprint and the position, in hexadecimal digits: opaque to callers.
fn token(fingerprint: u64, position: &str) -> String {
    format!("{fingerprint:016x}{}", hex::encode(position))
}

fn position(fingerprint: u64, token: &str) -> Option<String> {
    let digits = token.strip_prefix(&format!("{fingerprint:016x}"))?;
    String::from_utf8(hex::decode(digits).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_any_size_cover_everything_once() {
        let keys = keys(10);
        for size in 1..=11 {
            let pages = pages(&keys, size, &PagingFaults::default());
            assert_eq!(pages.concat(), keys);
            assert_eq!(pages.len(), 10_usize.div_ceil(size));
        }
    }

    #[test]
    fn an_empty_list_is_one_page() {
        assert_eq!(
            pages(&[], 5, &PagingFaults::default()),
            [Vec::<String>::new()]
        );
    }

    #[test]
    fn short_pages_and_missing_items_are_as_many_as_told() {
        let keys = keys(10);
        let short = PagingFaults {
            at_most: Some(3),
            ..PagingFaults::default()
        };
        assert_eq!(pages(&keys, 5, &short).len(), 4);
        let partial = PagingFaults {
            missing: vec![7, 0],
            ..PagingFaults::default()
        };
        let sizes: Vec<_> = pages(&keys, 5, &partial).iter().map(Vec::len).collect();
        assert_eq!(sizes, [3, 3]);
    }

    #[test]
    fn after_an_empty_page_the_list_goes_on_where_it_was() {
        let keys = keys(4);
        let first = page(&keys, None, 2, &PagingFaults::default());
        let empty = PagingFaults {
            empty: true,
            ..PagingFaults::default()
        };
        let nothing = page(&keys, first.next_token.as_deref(), 2, &empty);
        assert!(nothing.items.is_empty());
        let last = page(
            &keys,
            nothing.next_token.as_deref(),
            2,
            &PagingFaults::default(),
        );
        assert_eq!(last.items, keys[2..]);
        assert_eq!(last.next_token, None);
    }

    #[test]
    fn a_repeated_token_is_the_one_that_was_sent() {
        let keys = keys(4);
        let first = page(&keys, None, 2, &PagingFaults::default());
        let repeat = PagingFaults {
            repeat_token: true,
            ..PagingFaults::default()
        };
        let last = page(&keys, first.next_token.as_deref(), 2, &repeat);
        assert_eq!(last.items, keys[2..]);
        assert_eq!(last.next_token, first.next_token);
    }

    #[test]
    fn what_goes_away_between_two_pages_takes_nothing_with_it() {
        let mut keys = keys(6);
        let first = page(&keys, None, 3, &PagingFaults::default());
        keys.drain(1..3);
        let second = page(
            &keys,
            first.next_token.as_deref(),
            9,
            &PagingFaults::default(),
        );
        assert_eq!(second.items, keys[1..]);
    }

    #[test]
    fn only_tokens_of_this_list_are_taken() {
        let first = page(&keys(4), None, 2, &PagingFaults::default());
        let token = first.next_token.as_deref();
        assert!(Pager::new("list", token, 2).is_ok());
        assert!(Pager::new("other", token, 2).is_err());
        for wrong in [
            "",
            "x",
            "ä",
            &token.unwrap()[1..],
            &format!("{}g", token.unwrap()),
        ] {
            assert!(Pager::new("list", Some(wrong), 2).is_err(), "{wrong}");
        }
    }

    fn keys(number: usize) -> Vec<String> {
        (0..number).map(|n| format!("key-{n:02}")).collect()
    }

    fn page(
        keys: &[String],
        token: Option<&str>,
        size: usize,
        faults: &PagingFaults,
    ) -> Page<String> {
        let pager = Pager::new("list", token, size).unwrap();
        let rest = keys.iter().filter(|key| pager.after() < key.as_str());
        pager.cut(rest.map(|key| (key.as_str(), key.clone())), faults)
    }

    fn pages(keys: &[String], size: usize, faults: &PagingFaults) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        let mut token = None;
        loop {
            let page = page(keys, token.as_deref(), size, faults);
            pages.push(page.items);
            token = page.next_token;
            if token.is_none() {
                return pages;
            }
        }
    }
}
