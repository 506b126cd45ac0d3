//! The end-to-end run: real nodes form clusters, and are checked from outside.
//!
//! The simulated AWS is the crate `region`; deployments to emulators and to AWS are in the crate `deploy`.
//!
//! | where | what |
//! |---|---|
//! | [`scenarios`] | the product's guarantees: a table of them, and how each is shown |
//! | [`run`] | runs the selected scenarios; [`record`], [`progress`] and [`report`] say what was seen |
//! | [`timeline`] | the same as a page: what each node did and saw over time |
//! | [`survey`] | before a run in a real account: what it creates and costs |
//! | [`platform`] | what a run's nodes run on, according to `--target`: one of the next two |
//! | [`local`] | nodes run here, with AWS simulated here, or listed by an emulator's EC2 |
//! | [`cloud`] | AWS or an emulator runs the nodes, as tasks of stacks that are deployed to it |
//! | [`emulators`] | starts emulators |
//! | [`nodes`] | nodes as processes or containers, and what they say over HTTP |
//! | [`measure`] | measurements, not guarantees |
//! | [`playground`] | a cluster to play with, in a browser |
//!
//! To add a scenario: add its name and description in `options::e2e::Scenario`, its row in the table of
//! [`scenarios`], and a file there with its `show`. To add a target: `options::e2e::Target`, and
//! [`platform::Platform::prepare`].

pub mod cloud;
pub mod emulators;
pub mod https;
pub mod local;
pub mod measure;
pub mod nodes;
pub mod platform;
pub mod playground;
pub mod progress;
pub mod record;
pub mod report;
pub mod run;
pub mod scenarios;
pub mod survey;
pub mod timeline;
