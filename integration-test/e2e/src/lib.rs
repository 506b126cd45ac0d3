//! The end-to-end run: real nodes form clusters, and are watched from outside.
//!
//! The simulated AWS is the crate `region`; what is deployed to emulators and to AWS, in the crate `deploy`.
//!
//! | where | what |
//! |---|---|
//! | [`scenarios`] | the product's promises: a table of them, and how each is shown |
//! | [`run`] | shows what was asked for; [`record`], [`progress`] and [`report`] say what was seen |
//! | [`timeline`] | the same as a page: what each node did and saw over time |
//! | [`survey`] | before a run in a real account: what it creates and costs |
//! | [`platform`] | what a run's nodes run on, as `--target` has it: one of the two that follow |
//! | [`local`] | nodes run here, and AWS is simulated here, or an emulator's EC2 lists them |
//! | [`cloud`] | AWS or an emulator runs the nodes, as tasks of stacks that are deployed to it |
//! | [`emulators`] | starting them |
//! | [`nodes`] | nodes as processes or containers, and what they say over HTTP |
//! | [`measure`] | figures, as against promises |
//! | [`playground`] | a cluster to play with, in a browser |
//!
//! To add a scenario: its name and what it shows in `options::e2e::Scenario`, its row in the table of [`scenarios`],
//! and a file there with its `show`. To add a target: `options::e2e::Target`, and [`platform::Platform::prepare`].

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
