//! The CloudFormation templates of this repository, as data: read from their files, intrinsic functions in long form.
//!
//! A [`Template`] is what is written down, whatever the parameters; a [`Stack`] is what becomes of it with some.
//! Nothing is deployed here, and only what these templates use of CloudFormation is understood.

mod stack;
mod template;
mod yaml;

pub use self::{
    stack::{Stack, Unresolved},
    template::{Error, Resource, Template, folder},
    yaml::Unreadable,
};
