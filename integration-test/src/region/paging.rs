//! Pages of a list, with tokens to go on with.
//!
//! A token names the last item of a page, so that a list may change between two pages,
//! and is good only for the request it came from.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::faults::PagingFaults;

/// One page.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) next_token: Option<String>,
}

/// A token that this list never gave.
#[derive(Debug)]
pub(super) struct InvalidToken;

/// A list as one request wants it: which one, from where on, how much of it.
#[derive(Debug)]
pub(super) struct Pager<'a> {
    fingerprint: u64,
    token: Option<&'a str>,
    /// The key after which the page begins.
    after: String,
    size: usize,
}

impl<'a> Pager<'a> {
    /// `list` is all that tells this list from others: the same from page to page.
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

/// Opaque to whoever gets it: the list's fingerprint and the position, in hexadecimal digits.
fn token(fingerprint: u64, position: &str) -> String {
    let mut token = format!("{fingerprint:016x}");
    for byte in position.bytes() {
        token.push_str(&format!("{byte:02x}"));
    }
    token
}

fn position(fingerprint: u64, token: &str) -> Option<String> {
    let digits = token.strip_prefix(&format!("{fingerprint:016x}"))?;
    let bytes: Option<Vec<u8>> = (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect();
    String::from_utf8(bytes?).ok()
}
