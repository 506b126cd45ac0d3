//! `demo-node lookup`: what one lookup sees, for people or for programs.

use std::{collections::BTreeSet, fmt::Write, sync::Arc, time::Duration};

use clap::ArgMatches;
use discovery::{
    Chain, Changes, Completeness, Discovery, Lookup, Pace, Resolved, Target,
    config::{Services, Settings},
    excerpt,
};
use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    output::print,
    watch,
};
use crate::{
    clock,
    config::bootstrap::{RESOLVE_TIMEOUT, SERVICE_NAME},
    config::{
        discovery::{discovery_settings, name_session},
        values::{self, Values},
    },
};

/// Looks up once, or repeatedly.
pub(super) async fn lookup(values: &Values, matches: &ArgMatches) -> Result<Exit, Failure> {
    let usage = |error: values::Error| Failure::usage(&error);
    let timeout = values.get(&RESOLVE_TIMEOUT).map_err(usage)?;
    let pause = watch::pause(matches)?;
    let mut settings = discovery_settings(values).map_err(usage)?;
    let service = match matches.get_one::<String>("service") {
        Some(service) => {
            look_up_by_name(&mut settings);
            service.clone()
        }
        None => values.get(&SERVICE_NAME).map_err(usage)?.to_string(),
    };
    name_session(&mut settings, &service, "lookup");
    let discovery = Discovery::new(settings)
        .await
        .map_err(|error| Failure::discovery(&error))?;
    let asked = Asked {
        discovery,
        lookup: Lookup::new(service),
        timeout,
        json: matches.get_flag("json"),
    };
    match pause {
        None => asked.once().await,
        Some(pause) => asked.watch(pause).await,
    }
}

/// What is looked up has this name, whatever services the settings name.
fn look_up_by_name(settings: &mut Settings) {
    match settings {
        Settings::Ecs(ecs) => ecs.services = Services::default(),
        Settings::Ec2TagBased(ec2) => ec2.tag_values.clear(),
        Settings::EcsTaskSet(_) | Settings::Config(_) => {}
    }
}

struct Asked {
    discovery: Discovery,
    lookup: Lookup,
    timeout: Duration,
    json: bool,
}

impl Asked {
    async fn look(&self) -> Result<(Resolved, Duration), discovery::Error> {
        let began = clock::now();
        let resolved = self.discovery.lookup(&self.lookup, self.timeout).await?;
        Ok((resolved, clock::now().saturating_duration_since(began)))
    }

    fn render(&self, resolved: &Resolved, took: Duration) -> String {
        let method = self.discovery.method();
        if self.json {
            as_json(method, resolved, took).to_string()
        } else {
            as_table(method, resolved, took)
        }
    }

    async fn once(&self) -> Result<Exit, Failure> {
        let (resolved, took) = self
            .look()
            .await
            .map_err(|error| Failure::discovery(&error))?;
        print(&self.render(&resolved, took))?;
        Ok(match resolved.completeness {
            Completeness::Complete => Exit::Complete,
            Completeness::Partial(_) => Exit::Partial,
        })
    }

    /// Watches until interrupted. A failed lookup is shown; it ends the watch only if it is the first lookup.
    async fn watch(&self, pause: Duration) -> Result<Exit, Failure> {
        let mut pace = Pace::every(pause);
        pace.timeout = self.timeout;
        let mut watch = self.discovery.watch(self.lookup.clone(), pace);
        let mut before: Option<Arc<Resolved>> = None;
        loop {
            let view = watch.next_view().await;
            match (&view.outcome, &before) {
                (Ok(resolved), None) => print(&self.render(resolved, view.took))?,
                (Ok(resolved), Some(before)) => {
                    let marks = marks(&view.changes, before, resolved);
                    if !marks.is_empty() {
                        print(&self.render(resolved, view.took))?;
                        if !self.json {
                            print(&marks)?;
                        }
                    }
                }
                (Err(error), None) => return Err(Failure::discovery(error)),
                (Err(error), Some(_)) => {
                    let age = view.last_complete.map(|last| last.age.as_secs());
                    tracing::warn!(
                        error = %Chain(error),
                        failures = view.failures,
                        last_complete_seconds_ago = age,
                        "lookup failed"
                    );
                }
            }
            before = view.outcome.ok().or(before);
        }
    }
}

/// What was added (`+`), removed (`-`) or changed (`!`) between two lookups, a line each.
fn marks(changes: &Changes, before: &Resolved, after: &Resolved) -> String {
    let target = |target: &Target| format!("{} {}", endpoint(target), id(&target.id));
    let dropped = |resolved: &Resolved| -> BTreeSet<String> {
        let dropped = resolved.dropped.iter();
        dropped
            .map(|d| format!("dropped {}: {}", id(&d.id), d.reason))
            .collect()
    };
    let (old, new) = (dropped(before), dropped(after));
    let removed = changes.removed.iter();
    let replaced = changes.changed.iter().map(|change| &change.before);
    let gone = removed.chain(replaced).map(target);
    let added = changes.added.iter();
    let replacing = changes.changed.iter().map(|change| &change.after);
    let come = added.chain(replacing).map(target);
    let mut out = String::new();
    for line in gone.chain(old.difference(&new).cloned()) {
        let _ = writeln!(out, "- {line}");
    }
    for line in come.chain(new.difference(&old).cloned()) {
        let _ = writeln!(out, "+ {line}");
    }
    let (old, new) = (verdict(&before.completeness), verdict(&after.completeness));
    if old != new {
        let _ = writeln!(out, "! {old} -> {new}");
    }
    out
}

fn as_json(method: &str, resolved: &Resolved, took: Duration) -> Value {
    let targets: Vec<_> = resolved
        .targets
        .iter()
        .map(|target| {
            json!({
                "address": target.address,
                "port": target.port,
                "id": target.id,
                "service": target.owner.as_ref().map(|owner| &*owner.service),
                "cluster": target.owner.as_ref().and_then(|owner| owner.cluster.as_deref()),
                "metadata": target.metadata,
            })
        })
        .collect();
    let dropped: Vec<_> = resolved
        .dropped
        .iter()
        .map(|dropped| json!({ "id": dropped.id, "reason": dropped.reason.to_string() }))
        .collect();
    json!({
        "method": method,
        "service": resolved.service_name,
        "completeness": verdict(&resolved.completeness),
        "partial_reasons": reasons(&resolved.completeness),
        "targets": targets,
        "dropped": dropped,
        "calls": resolved.calls.0,
        "elapsed_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    })
}

fn as_table(method: &str, resolved: &Resolved, took: Duration) -> String {
    let mut out = String::new();
    let calls: Vec<_> = resolved
        .calls
        .0
        .iter()
        .map(|(action, count)| format!("{count} {action}"))
        .collect();
    let _ = writeln!(
        out,
        "{} by {method}: {}, {} target{}, {} dropped ({} in {} ms)",
        resolved.service_name,
        verdict(&resolved.completeness),
        resolved.targets.len(),
        if resolved.targets.len() == 1 { "" } else { "s" },
        resolved.dropped.len(),
        if calls.is_empty() {
            "no calls".to_owned()
        } else {
            calls.join(", ")
        },
        took.as_millis()
    );
    for reason in reasons(&resolved.completeness) {
        let _ = writeln!(out, "partial: {reason}");
    }
    if !resolved.targets.is_empty() {
        let width = widest("ADDRESS", resolved.targets.iter().map(endpoint));
        // With one service, the column would say the same in each row.
        let owners: BTreeSet<String> = resolved.targets.iter().map(owner).collect();
        let of_owner = (1 < owners.len()).then(|| widest("SERVICE", owners));
        let column = |text: &str| match of_owner {
            Some(width) => format!("{text:<width$}  "),
            None => String::new(),
        };
        let service = column("SERVICE");
        let _ = writeln!(out, "\n{:<width$}  {service}{:<15}  ID", "ADDRESS", "ZONE");
        for target in &resolved.targets {
            let zone = target.metadata.get("availability-zone");
            let zone = zone.map_or_else(|| "-".to_owned(), |zone| id(zone));
            let _ = writeln!(
                out,
                "{:<width$}  {}{zone:<15}  {}",
                endpoint(target),
                column(&owner(target)),
                id(&target.id)
            );
        }
    }
    if !resolved.dropped.is_empty() {
        let width = resolved
            .dropped
            .iter()
            .map(|d| id(&d.id).chars().count())
            .max()
            .unwrap_or(0);
        let _ = writeln!(out, "\n{:<width$}  WHY", "DROPPED");
        for dropped in &resolved.dropped {
            let _ = writeln!(out, "{:<width$}  {}", id(&dropped.id), dropped.reason);
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// An id as it is shown. An ARN has about 100 characters.
fn id(text: &str) -> String {
    excerpt(text, 300)
}

/// Which service a target belongs to: `CLUSTER/SERVICE`, or only the service.
fn owner(target: &Target) -> String {
    let Some(owner) = &target.owner else {
        return "-".to_owned();
    };
    match &owner.cluster {
        Some(cluster) => id(&format!("{cluster}/{}", owner.service)),
        None => id(&owner.service),
    }
}

/// How wide a column is.
fn widest(heading: &str, texts: impl IntoIterator<Item = String>) -> usize {
    let texts = texts.into_iter().map(|text| text.chars().count());
    texts.max().unwrap_or(0).max(heading.len())
}

fn endpoint(target: &Target) -> String {
    match target.port {
        Some(port) => std::net::SocketAddr::new(target.address, port).to_string(),
        None => target.address.to_string(),
    }
}

fn verdict(completeness: &Completeness) -> &'static str {
    match completeness {
        Completeness::Complete => "complete",
        Completeness::Partial(_) => "partial",
    }
}

fn reasons(completeness: &Completeness) -> Vec<String> {
    match completeness {
        Completeness::Complete => Vec::new(),
        Completeness::Partial(reasons) => reasons.iter().map(ToString::to_string).collect(),
    }
}
