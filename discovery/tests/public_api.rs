//! The public API as it is written down in `api.txt`, so that a change of it is seen and meant.
//!
//! Read from the source as text: `unreachable_pub` makes sure that whatever is `pub` can be reached, and rustfmt that
//! it stands where it is looked for here.

#![expect(
    clippy::unwrap_used,
    reason = "the lint knows test functions, but not their helpers"
)]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

/// With this set, the file is written anew rather than compared.
const WRITE: &str = "DISCOVERY_API";

#[test]
fn every_public_item_is_written_down_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut items = BTreeSet::new();
    for file in sources(&root.join("src")) {
        items.extend(public(&fs::read_to_string(file).unwrap()));
    }
    let known: BTreeSet<String> = items.iter().filter_map(|item| name_of(item)).collect();
    items.retain(|item| is_of_public(item, &known));
    let now: Vec<&str> = items.iter().map(String::as_str).collect();

    let file = root.join("api.txt");
    if env::var_os(WRITE).is_some() {
        fs::write(&file, now.join("\n") + "\n").unwrap();
    }
    let before = fs::read_to_string(file).unwrap_or_default();
    let before: BTreeSet<&str> = before.lines().collect();
    let now: BTreeSet<&str> = now.into_iter().collect();
    let gone: Vec<_> = before.difference(&now).collect();
    let come: Vec<_> = now.difference(&before).collect();
    assert!(
        gone.is_empty() && come.is_empty(),
        "the public API is not that of discovery/api.txt: gone {gone:#?}, new {come:#?}. If it is meant, run this \
         test once with {WRITE}=write in the environment, and say so in CHANGELOG.md"
    );
}

#[test]
fn what_is_public_is_found_and_what_is_not_is_left_out() {
    let source = r#"
/// Text.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Peer {
    /// Text.
    pub address: IpAddr,
    /// Text.
    #[cfg(feature = "ports")]
    pub port: u16,
    #[cfg(feature = "ids")]
    id: String,
}

pub use other::{
    One, Two,
};

#[derive(Debug)]
pub enum Why {
    /// Text.
    #[error(
        "long {0}"
    )]
    Gone(String),
    #[non_exhaustive]
    #[error("other")]
    Other {
        /// Text.
        #[source]
        reason: String,
    },
    #[cfg(feature = "io")]
    Failed(#[from] io::Error),
}

#[cfg(feature = "io")]
struct Hidden;

impl Peer {
    pub const fn new(
        address: IpAddr,
    ) -> Self {
        todo
    }

    pub(crate) fn hidden(&self) {}
}

#[cfg(feature = "text")]
impl fmt::Display for Peer {
    fn fmt(&self) {}
}

impl fmt::Display for Hidden {
    fn fmt(&self) {}
}

#[cfg(test)]
mod tests {
    pub fn not_this() {}
}
"#;
    let items = public(source);
    let known = items.iter().filter_map(|item| name_of(item)).collect();
    let items: Vec<_> = items
        .iter()
        .filter(|item| is_of_public(item, &known))
        .collect();
    assert_eq!(
        items,
        [
            "Peer: #[cfg(feature = \"ports\")] pub port: u16",
            "Peer: #[cfg(feature = \"text\")] impl fmt::Display for Peer",
            "Peer: #[derive(Debug, Clone)] #[non_exhaustive] pub struct Peer",
            "Peer: pub address: IpAddr",
            "Peer: pub const fn new( address: IpAddr, ) -> Self",
            "Why: #[cfg(feature = \"io\")] Failed(#[from] io::Error)",
            "Why: #[derive(Debug)] pub enum Why",
            "Why: #[non_exhaustive] Other { reason: String, }",
            "Why: Gone(String)",
            "pub use: pub use other::{ One, Two, }",
        ]
    );
}

/// All files of the library itself, in any order.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
    files
}

/// What of a file is public, each item in one line behind the type that it belongs to.
fn public(source: &str) -> BTreeSet<String> {
    let source = source.split("\n#[cfg(test)]\nmod tests").next().unwrap();
    let mut lines = source.lines();
    let mut items = BTreeSet::new();
    let (mut context, mut attributes) = (String::new(), Vec::new());
    while let Some(line) = lines.next() {
        let indented = line.starts_with(' ');
        let text = line.trim();
        if text.starts_with("#[") {
            let whole = gather(text, &mut lines, |text| text.ends_with(']'));
            if is_of_the_api(&whole) {
                attributes.push(whole);
            }
        } else if let Some(implemented) = text.strip_prefix("impl").filter(|_| !indented) {
            let whole = gather(text, &mut lines, |text| {
                text.ends_with('{') || text.ends_with('}')
            });
            let of = implemented.split(" for ").last().unwrap();
            context = first_name(of.trim_start_matches(|c| c != ' ').trim());
            let attributes: String = attributes.drain(..).map(|it| it + " ").collect();
            if let Some((_, of)) = whole.split_once(" for ") {
                context = first_name(of);
                items.insert(format!(
                    "{context}: {attributes}{}",
                    whole.trim_end_matches([' ', '{', '}'])
                ));
            }
        } else if text.starts_with("pub ") {
            let used = text.starts_with("pub use ");
            let whole = gather(text, &mut lines, |text| {
                let opened = text.matches('(').count() == text.matches(')').count();
                let ends: &[char] = if used { &[';'] } else { &['{', ';', ',', '}'] };
                opened && text.ends_with(ends)
            });
            let item = without_private(whole.trim_end_matches([' ', '{', ';', ',']));
            if used {
                "pub use".clone_into(&mut context);
            } else if !indented {
                context = first_name(declared(item));
            }
            let attributes: String = attributes.drain(..).map(|it| it + " ").collect();
            items.insert(format!("{context}: {attributes}{item}"));
            if !indented && item.starts_with("pub enum ") {
                items.extend(variants(&mut lines).map(|variant| format!("{context}: {variant}")));
            }
        } else if !text.is_empty() && !text.starts_with("//") {
            attributes.clear();
        }
    }
    items
}

/// Whether callers see it: not `#[must_use]`, nor what is said to the linter or to a derived implementation.
fn is_of_the_api(attribute: &str) -> bool {
    let kept = ["#[derive(", "#[non_exhaustive]", "#[from]", "#[cfg("];
    kept.iter().any(|kept| attribute.starts_with(kept))
}

/// This line and those that follow until it is whole, as one.
fn gather<'a>(
    first: &str,
    lines: &mut impl Iterator<Item = &'a str>,
    whole: impl Fn(&str) -> bool,
) -> String {
    let mut text = first.to_owned();
    while !whole(&text) {
        let Some(line) = lines.next() else { break };
        if !line.trim().starts_with("//") {
            text = format!("{text} {}", line.trim());
        }
    }
    text
}

/// The variants of an enum whose first line was read.
fn variants<'a>(lines: &mut impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
    let (mut variants, mut attributes) = (Vec::new(), Vec::new());
    while let Some(line) = lines.next() {
        let text = line.trim();
        if line == "}" {
            break;
        }
        if text.starts_with("#[") {
            let whole = gather(text, lines, |text| text.ends_with(']'));
            attributes.extend(is_of_the_api(&whole).then(|| whole + " "));
        } else if !text.starts_with("//") && !text.is_empty() {
            let variant = gather(text, lines, |text| {
                let balanced =
                    |open, close| text.matches(open).count() == text.matches(close).count();
                balanced('(', ')') && balanced('{', '}') && text.ends_with(',')
            });
            let attributes: String = attributes.drain(..).collect();
            let variant = without_attributes(variant.trim_end_matches(','));
            variants.push(attributes + &variant);
        }
    }
    variants.into_iter()
}

/// Fields of variants may have some that callers do not see.
fn without_attributes(variant: &str) -> String {
    let mut text = String::new();
    let mut rest = variant;
    while let Some(start) = rest.find("#[") {
        let end = rest[start..].find("] ");
        let end = end.map_or(rest.len(), |end| start + end + 2);
        text.push_str(&rest[..start]);
        if is_of_the_api(&rest[start..end]) {
            text.push_str(&rest[start..end]);
        }
        rest = &rest[end..];
    }
    text + rest
}

/// What a tuple holds is shown where it is public.
fn without_private(item: &str) -> &str {
    match item.split_once('(') {
        Some((head, held)) if head.starts_with("pub struct ") && !held.starts_with("pub ") => head,
        Some(_) | None => item,
    }
}

/// From the name on: `pub struct Name<T>` gives `Name<T>`.
fn declared(item: &str) -> &str {
    let kinds = [
        "struct ", "enum ", "trait ", "type ", "fn ", "const ", "mod ", "use ",
    ];
    let after = |kind: &&str| Some(item.split_once(*kind)?.1);
    kinds.iter().find_map(after).unwrap_or(item)
}

fn first_name(text: &str) -> String {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text[..end.unwrap_or(text.len())].to_owned()
}

/// The type that an item declares.
fn name_of(item: &str) -> Option<String> {
    let (name, item) = item.split_once(": ")?;
    let declares = ["pub struct ", "pub enum ", "pub trait "];
    let of = |kind: &&str| item.contains(&format!("{kind}{name}"));
    declares.iter().any(of).then(|| name.to_owned())
}

/// What is implemented for others is nobody's business.
fn is_of_public(item: &str, known: &BTreeSet<String>) -> bool {
    match item.split_once(": ") {
        Some((name, item)) if item.starts_with("impl") || item.contains("] impl") => {
            known.contains(name)
        }
        Some(_) | None => true,
    }
}
