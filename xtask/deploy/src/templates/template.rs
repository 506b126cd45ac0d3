//! What is written down, whatever the parameters.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::yaml::{self, Unreadable};

/// A template.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its file's name.
    pub name: String,
    document: Value,
}

/// A template cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or folder cannot be read.
    #[error("reading {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It is no template.
    #[error("understanding {}", path.display())]
    Understand {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Unreadable,
    },
}

/// A resource of a template.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    /// Its name in the template.
    pub id: &'a str,
    /// For example `AWS::IAM::Role`.
    pub kind: &'a str,
    /// Null where it has none.
    pub properties: &'a Value,
}

/// The folder of the templates.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cloudformation")
}

impl Template {
    /// Reads one, by the name of its file.
    pub fn read(name: &str) -> Result<Self, Error> {
        let path = folder().join(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) => return Err(Error::Read { path, source }),
        };
        Self::parse(name, &text).map_err(|source| Error::Understand { path, source })
    }

    /// Reads all, in order of their names.
    pub fn all() -> Result<Vec<Self>, Error> {
        let path = folder();
        let failed = |source| Error::Read {
            path: path.clone(),
            source,
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if let Some(name) = name.to_str().filter(|name| name.ends_with(".yaml")) {
                names.push(name.to_owned());
            }
        }
        names.sort();
        names.iter().map(|name| Self::read(name)).collect()
    }

    /// Understands the text of a template.
    pub fn parse(name: &str, text: &str) -> Result<Self, Unreadable> {
        Ok(Self {
            name: name.to_owned(),
            document: yaml::long_form(text)?,
        })
    }

    /// All of it.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The same template with something else at a place, for example `/Resources/Vpc/Properties/CidrBlock`.
    /// `null` takes away what is there.
    ///
    /// # Panics
    ///
    /// If there is nothing at that place, nor anything that could hold it.
    #[must_use]
    pub fn with(mut self, place: &str, value: Value) -> Self {
        let (parent, key) = place.rsplit_once('/').expect("a place begins with a slash");
        let parent = self.document.pointer_mut(parent);
        match parent.unwrap_or_else(|| panic!("nothing at {place}")) {
            Value::Object(fields) if value.is_null() => {
                fields.remove(key).expect("there is something to take away");
            }
            Value::Object(fields) => {
                fields.insert(key.to_owned(), value);
            }
            Value::Array(items) => {
                let at: usize = key.parse().expect("items are numbered");
                items[at] = value;
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                panic!("nothing can be at {place}")
            }
        }
        self
    }

    /// Everything in a section, for example the parameters.
    pub fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        let section = self.document.get(name).and_then(Value::as_object);
        section
            .into_iter()
            .flatten()
            .map(|(id, value)| (id.as_str(), value))
    }

    /// All resources.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.section("Resources").map(|(id, resource)| Resource {
            id,
            kind: resource["Type"].as_str().unwrap_or_default(),
            properties: &resource["Properties"],
        })
    }

    /// The resources of a kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = Resource<'_>> {
        self.resources()
            .filter(move |resource| resource.kind == kind)
    }
}
