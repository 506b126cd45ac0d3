//! Asks AWS what a node asks: each call once, except that an incomplete list of instances is read once more.

use std::{collections::BTreeMap, time::Duration};

use discovery::{
    Attempt, Discovery, Error, Lookup, OnThrottle, Outcome, Resolved,
    config::{Ecs, EcsTaskSet, MethodName, Settings, Surroundings},
};
use tokio::time::timeout;

use crate::{
    config::{Config, bootstrap::ExpectedNodes, discovery::name_session},
    doctor::{
        calls::{self, Call, NotMade},
        facts::{OwnTask, Told},
    },
};

/// How long finding region and credentials may take.
const CLIENT_LIMIT: Duration = Duration::from_secs(6);

/// How much longer a lookup may take than in the settings: the list may be long.
const PATIENCE: u32 = 3;

/// The answers of AWS.
pub(super) struct Answers {
    pub(super) region: Option<String>,
    pub(super) calls: Vec<Call>,
    pub(super) lookup: Result<Resolved, Error>,
    pub(super) told: Option<Told>,
}

type Counts = BTreeMap<(&'static str, Outcome), u64>;

pub(super) async fn ask(
    config: &Config,
    surroundings: &Surroundings,
    task: Option<&OwnTask>,
) -> Answers {
    let method = config.discovery.method();
    let mut settings = config.discovery.clone();
    let name = config.bootstrap.service_name.as_str();
    let assumes_role = name_session(&mut settings, name, "doctor");
    let discovery = match client(settings.clone(), surroundings).await {
        Ok(discovery) => discovery,
        Err(error) => {
            let reasons = calls::actions(method, assumes_role)
                .iter()
                .map(|(action, _)| (*action, "there is no client to make it".into()))
                .collect();
            return Answers {
                region: None,
                calls: calls::results(method, assumes_role, &Counts::new(), &[], &reasons),
                lookup: Err(error),
                told: None,
            };
        }
    };
    let limit = config.bootstrap.resolve_timeout;
    let mut lookup = Lookup::new(name);
    lookup.port_name.clone_from(&config.bootstrap.port_name);
    lookup.on_throttle = OnThrottle::GiveUp;
    let lookup = discovery
        .lookup(&lookup, limit.saturating_mul(PATIENCE))
        .await;
    let mut counts = discovery.calls();
    let mut not_made = reasons_not_to(config, &lookup);
    let mut own = None;
    let mut told = None;
    let expected = calls::of_expected_nodes(method);
    if !not_made.contains_key(expected) {
        // A lookup with an empty list describes no task. Describing the own task still shows whether that is allowed;
        // then the number of expected nodes is asked for in the same way.
        if let Some(settings) = to_describe_itself(&settings, &counts, task)
            && let Ok(itself) = client(settings, surroundings).await
        {
            let answer = itself.expected_nodes(name, limit).await;
            add(&mut counts, itself.calls());
            if made(&counts, expected) {
                told = Some(answer);
            } else {
                own = answer.err();
            }
        }
        if told.is_none() && !fails_again(method, &lookup) {
            told = Some(discovery.expected_nodes(name, limit).await);
            let of_all = discovery.calls();
            counts.extend(of_all.into_iter().filter(|((name, _), _)| {
                expected
                    .split_once(':')
                    .is_some_and(|(_, call)| *name == call)
            }));
        }
    }
    let why = match &told {
        Some(Ok(discovery::ExpectedNodes::Unknown(why))) => why.to_string().into(),
        Some(Ok(discovery::ExpectedNodes::Known(_)) | Err(_)) | None => {
            "a call before it failed".into()
        }
    };
    not_made.entry(expected).or_insert(why);
    let error_of_told = told.as_ref().and_then(|told| told.as_ref().err());
    let errors: Vec<&Error> = lookup
        .as_ref()
        .err()
        .into_iter()
        .chain(own.as_ref())
        .chain(error_of_told)
        .collect();
    let calls = calls::results(method, assumes_role, &counts, &errors, &not_made);
    Answers {
        region: discovery.region().map(str::to_owned),
        calls,
        lookup,
        told: told.map(|told| match told {
            Ok(discovery::ExpectedNodes::Known(number)) => {
                Told::Nodes(usize::try_from(number.get()).unwrap_or(usize::MAX))
            }
            Ok(discovery::ExpectedNodes::Unknown(why)) => Told::Nothing(why),
            Err(error) => Told::Failed(error),
        }),
    }
}

async fn client(settings: Settings, surroundings: &Surroundings) -> Result<Discovery, Error> {
    let made = Box::pin(Discovery::in_surroundings(settings, surroundings));
    match timeout(CLIENT_LIMIT, made).await {
        Ok(made) => made,
        Err(_elapsed) => Err(Error::TimedOut {
            attempt: Attempt::new("", "finding region and credentials"),
            after: CLIENT_LIMIT,
        }),
    }
}

/// Why some calls are not made, however the others end.
fn reasons_not_to(config: &Config, lookup: &Result<Resolved, Error>) -> NotMade {
    let mut reasons = NotMade::new();
    let expected = calls::of_expected_nodes(config.discovery.method());
    if lookup.is_ok() {
        reasons.insert("ecs:DescribeTasks", "nothing is listed".into());
    }
    match config.bootstrap.expected_nodes {
        ExpectedNodes::Auto => {}
        ExpectedNodes::Number(_) | ExpectedNodes::Unknown => {
            reasons.insert(expected, "bootstrap.expected-nodes is set".into());
        }
    }
    if let Settings::Ecs(Ecs { tags, .. }) = &config.discovery
        && !tags.is_empty()
    {
        reasons.insert(expected, "tags select some of the tasks".into());
    }
    reasons
}

/// The settings with which a task describes itself, if no task was described.
fn to_describe_itself(
    settings: &Settings,
    counts: &Counts,
    task: Option<&OwnTask>,
) -> Option<Settings> {
    match settings {
        Settings::Ecs(ecs) if task.is_some() && !made(counts, "ecs:DescribeTasks") => {
            let mut own = EcsTaskSet::in_cluster(&ecs.cluster);
            own.container_name.clone_from(&ecs.container_name);
            own.address_family = ecs.address_family;
            own.client.clone_from(&ecs.client);
            Some(Settings::EcsTaskSet(own))
        }
        Settings::Ecs(_)
        | Settings::EcsTaskSet(_)
        | Settings::Ec2TagBased(_)
        | Settings::Config(_) => None,
    }
}

/// With the method of task sets, the number needs the same calls as the list; with that of tags, it needs the list
/// itself.
fn fails_again(method: MethodName, lookup: &Result<Resolved, Error>) -> bool {
    match method {
        MethodName::EcsTaskSet | MethodName::Ec2TagBased => lookup.is_err(),
        MethodName::Ecs | MethodName::Config => false,
    }
}

fn made(counts: &Counts, action: &str) -> bool {
    let name = action.split_once(':').map_or(action, |(_, name)| name);
    counts.keys().any(|(made, _)| *made == name)
}

fn add(counts: &mut Counts, others: Counts) {
    for (call, count) in others {
        *counts.entry(call).or_default() += count;
    }
}
