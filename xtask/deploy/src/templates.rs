//! The CloudFormation templates of this repository, as data: read from their files, intrinsic functions in long form.
//!
//! A [`Template`] is the file's content, for any parameters; a [`Stack`] is the result for given parameters. Nothing
//! is deployed here, and only the CloudFormation features that these templates use are supported.

mod stack;
mod template;
mod yaml;

pub use self::{
    stack::{Stack, Unresolved},
    template::{Error, Resource, Template, folder},
    yaml::Unreadable,
};
