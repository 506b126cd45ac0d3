//! Circles of imports between the files of a crate.
//!
//! A file imports another if a path in it leads there. If the path leads to a re-export (`pub use`), it continues to
//! the place of the original.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path},
};

use super::source::{self, Source};

/// A module that is a file, by its path in the crate: `["account", "task"]`; the crate's root is empty.
type Module = Vec<String>;

/// Every circle, as a sentence. The files are those of one crate, by their paths below `src`.
pub(super) fn find<'a>(files: impl IntoIterator<Item = (&'a Path, &'a str)>) -> Vec<String> {
    let mut sources: BTreeMap<Module, Source> = BTreeMap::new();
    let mut names: BTreeMap<Module, String> = BTreeMap::new();
    for (path, text) in files {
        let Some(module) = module(path) else { continue };
        // A program beside a library is a separate crate, which imports only that library.
        let is_library = path.ends_with("lib.rs");
        if is_library || !names.contains_key(&module) {
            names.insert(module.clone(), path.display().to_string());
            sources.insert(module, source::read(text));
        }
    }
    let for_tests: Vec<Module> = sources
        .iter()
        .flat_map(|(module, source)| {
            let children = source.for_tests.iter();
            children.map(|child| [module.as_slice(), std::slice::from_ref(child)].concat())
        })
        .collect();
    sources.retain(|module, _| !for_tests.iter().any(|test| module.starts_with(test)));

    let imports = sources.keys().map(|module| {
        let imported = imported_by(module, &sources);
        (module.clone(), imported)
    });
    let imports: BTreeMap<_, _> = imports.collect();
    circles(&imports)
        .iter()
        .map(|circle| {
            let circle: Vec<_> = circle.iter().map(|&it| names[it].as_str()).collect();
            format!("{} import each other", circle.join(" -> "))
        })
        .collect()
}

/// None for programs other than the crate's own.
fn module(path: &Path) -> Option<Module> {
    let without_extension = path.with_extension("");
    let mut module: Module = without_extension
        .components()
        .filter_map(|part| match part {
            Component::Normal(name) => name.to_str().map(str::to_owned),
            _ => None,
        })
        .collect();
    if module.first()? == "bin" {
        return None;
    }
    if module == ["lib"] || module == ["main"] {
        module.clear();
    }
    Some(module)
}

fn imported_by(module: &Module, sources: &BTreeMap<Module, Source>) -> BTreeSet<Module> {
    let paths = sources[module].paths.iter();
    let mut imported: BTreeSet<_> = paths
        .filter_map(|written| {
            let here = [module.as_slice(), &written.within].concat();
            resolve(&here, &written.path, sources, 0)
        })
        .collect();
    imported.remove(module);
    imported
}

/// How often a name may be re-exported. More would be a circle.
const HANDED_ON: usize = 8;

/// The file with the item of a path that is written in the module `here`; none if it is in another crate.
fn resolve(
    here: &[String],
    path: &[String],
    sources: &BTreeMap<Module, Source>,
    times: usize,
) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    let mut absolute = match first.as_str() {
        "crate" => Vec::new(),
        "self" => here.to_vec(),
        "super" => here[..here.len().checked_sub(1)?].to_vec(),
        // Only modules below this one can be named like that, or imported names, which are counted separately.
        name => {
            let child = [here, &[name.to_owned()]].concat();
            if !sources.contains_key(&child) {
                return None;
            }
            child
        }
    };
    let mut rest = rest;
    while let Some((next, after)) = rest.split_first()
        && next == "super"
    {
        absolute.pop()?;
        rest = after;
    }
    while let Some((next, after)) = rest.split_first() {
        let child = [absolute.as_slice(), std::slice::from_ref(next)].concat();
        if !sources.contains_key(&child) {
            break;
        }
        absolute = child;
        rest = after;
    }
    // An inline module is in the file of the module around it.
    while !sources.contains_key(&absolute) {
        absolute.pop()?;
    }
    if times < HANDED_ON
        && let Some(name) = rest.first()
        && let Some(origin) = handed_on(&sources[&absolute], name)
        && let Some(further) = resolve(&absolute, origin, sources, times + 1)
    {
        return Some(further);
    }
    Some(absolute)
}

/// The origin of a name that a file re-exports.
fn handed_on<'a>(source: &'a Source, name: &str) -> Option<&'a [String]> {
    let mut paths = source.paths.iter();
    let written = paths.find(|written| written.handed_on.as_deref() == Some(name))?;
    Some(&written.path)
}

/// For each set of files that all import each other, a shortest circle.
fn circles(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Vec<&Module>> {
    let mut found: Vec<Vec<&Module>> = Vec::new();
    let mut told = BTreeSet::new();
    for start in imports.keys() {
        if told.contains(start) {
            continue;
        }
        if let Some(circle) = shortest_circle(start, imports) {
            told.extend(circle.iter().copied());
            found.push(circle);
        }
    }
    found
}

/// A path from a file back to itself, if there is one.
fn shortest_circle<'a>(
    start: &'a Module,
    imports: &'a BTreeMap<Module, BTreeSet<Module>>,
) -> Option<Vec<&'a Module>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in &ways {
            let last = way.last().and_then(|last| imports.get(*last));
            for next in last.into_iter().flatten() {
                if next == start {
                    return Some(way.iter().copied().chain([next]).collect());
                }
                if seen.insert(next) {
                    longer.push(way.iter().copied().chain([next]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_import_each_other_are_named() {
        let circle = found(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "pub struct B(super::a::A);"),
        ]);
        assert_eq!(circle, ["a.rs -> b.rs -> a.rs import each other"]);
    }

    #[test]
    fn a_circle_may_be_long() {
        let circle = found(&[
            ("lib.rs", ""),
            ("a.rs", "use crate::b::X;"),
            ("b.rs", "use crate::b::c::X;"),
            ("b/c.rs", "use crate::a;"),
        ]);
        assert_eq!(circle, ["a.rs -> b.rs -> b/c.rs -> a.rs import each other"]);
    }

    #[test]
    fn a_module_and_one_below_it_are_files_like_others() {
        let circle = found(&[
            ("lib.rs", ""),
            ("a.rs", "mod b; struct A; fn f() { b::g() }"),
            ("a/b.rs", "use super::A;"),
        ]);
        assert_eq!(circle, ["a.rs -> a/b.rs -> a.rs import each other"]);

        let none = found(&[
            ("lib.rs", ""),
            ("a.rs", "mod b; struct A;"),
            ("a/b.rs", "use super::A;"),
        ]);
        assert_eq!(none, [""; 0]);
    }

    #[test]
    fn a_name_that_is_handed_on_leads_to_where_it_comes_from() {
        let none = found(&[
            ("lib.rs", "pub mod a; mod b; pub use self::a::A;"),
            ("a.rs", "pub struct A;"),
            ("b.rs", "use crate::A;"),
        ]);
        assert_eq!(none, [""; 0]);

        let circle = found(&[
            ("lib.rs", "pub mod a; mod b; pub use self::a::A;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::A;"),
        ]);
        assert_eq!(circle, ["a.rs -> b.rs -> a.rs import each other"]);
    }

    #[test]
    fn tests_may_import_what_they_like() {
        let none = found(&[
            ("lib.rs", "pub mod a; #[cfg(test)] mod tests;"),
            (
                "a.rs",
                "pub struct A;\n#[cfg(test)]\nmod tests { use crate::tests::T; }",
            ),
            ("tests.rs", "use crate::a::A;"),
        ]);
        assert_eq!(none, [""; 0]);
    }

    #[test]
    fn programs_beside_the_library_are_left_out() {
        let none = found(&[
            ("lib.rs", "pub mod a;"),
            ("main.rs", "fn main() { a::f() }"),
            ("bin/more.rs", "fn main() { crate::a::f() }"),
            ("a.rs", "use crate::X;"),
        ]);
        assert_eq!(none, [""; 0]);
    }

    fn found(files: &[(&'static str, &'static str)]) -> Vec<String> {
        find(files.iter().map(|(path, text)| (Path::new(*path), *text)))
    }
}
