//! Whole nodes in virtual time: management HTTP, bootstrap and membership together, exactly as the
//! program runs them, on simulated machines and a simulated network.
//!
//! A seed draws a cluster of two to five nodes and what happens to it: processes crash, leave and come back at the
//! same address, the network splits and heals, links are slow, stall, lose messages or fail in one direction. Some
//! invariants are checked all the time; those of a cluster at rest, whenever the faults have ended. The same seed
//! gives the same run.
//!
//! [`crate::formations`] and [`crate::membership`] simulate one stage each, and so can try far more nodes and faults.

use std::{collections::BTreeMap, time::Duration};

mod invariants;
mod machine;
mod mutation;
mod plan;
mod run;
#[cfg(test)]
mod tests;
mod world;

pub use invariants::Broken;
use invariants::{
    at_rest, invariant_all_are_in_one_of, invariant_everyone_is_ready_and_says_the_same,
    invariant_the_alarm_is_raised_once, invariant_the_dead_are_not_reachable,
    invariant_who_was_asked_to_stop_has_stopped,
};
pub use mutation::Mutation;
use plan::{Act, Beyond, Change, Plan, Storm};
pub use run::{Injected, Run};
use world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Promised for a network without faults: a dead node is unreachable, and removed, within this time.
const UNREACHABLE: Duration = Duration::from_secs(3);
const REMOVED: Duration = Duration::from_secs(10);
/// Promised: a node that leaves is gone for all members within this time. Its process ends as soon, which is not
/// promised.
const GONE: Duration = Duration::from_secs(2);
/// Promised: after a partition the halves are one again within this time.
const MERGED: Duration = Duration::from_secs(10);
/// Until every member has looked at discovery once more and acted on it.
const WATCHED: Duration = Duration::from_secs(90);
/// No promised time. What takes longer than this never happens.
const EVENTUALLY: Duration = Duration::from_secs(30);

/// Runs one cluster's life.
#[must_use]
pub fn run(seed: u64, mutation: Mutation) -> Run {
    run_plan(seed, mutation, &Plan::draw(seed))
}

/// Runs a cluster's life with more processes than the guarantee covers: a majority is replaced while the other
/// members are cut off. This gives a second cluster, which must end.
#[must_use]
pub fn run_beyond(seed: u64) -> Run {
    run_plan(seed, Mutation::None, &Plan::draw_beyond(seed))
}

fn run_plan(seed: u64, mutation: Mutation, plan: &Plan) -> Run {
    let mut outcome = Run {
        seed,
        beyond: plan.beyond.is_some(),
        plan: plan.to_string(),
        broken: None,
        log: Vec::new(),
        injected: Injected::default(),
        took: BTreeMap::new(),
        lasted: Duration::ZERO,
        clusters: 0,
    };
    match World::new(seed, plan, mutation) {
        Ok(mut world) => {
            let lived = live(&mut world, plan, &mut outcome.took);
            outcome.broken = lived.err().map(|broken| (world.elapsed(), broken));
            outcome.lasted = world.elapsed();
            outcome.injected = world.injected;
            outcome.clusters = world.clusters.len();
            outcome.log = world.log;
        }
        Err(broken) => outcome.broken = Some((Duration::ZERO, broken)),
    }
    outcome
}

type Took = BTreeMap<&'static str, Duration>;

fn live(world: &mut World, plan: &Plan, took: &mut Took) -> Result<(), Broken> {
    weather(world, &plan.formation)?;
    rests(world, "formed", EVENTUALLY, took)?;
    for act in &plan.acts {
        play(world, act, took)?;
    }
    if let Some(beyond) = &plan.beyond {
        go_beyond(world, beyond, took)?;
    }
    stays_at_rest(world)?;
    let answers = world.ask_all(["/ready", "/cluster/members"])?;
    invariant_everyone_is_ready_and_says_the_same(&answers, &world.running())
}

fn go_beyond(world: &mut World, beyond: &Beyond, took: &mut Took) -> Result<(), Broken> {
    let older = world.clusters.clone();
    world.beyond = true;
    world.change(&Change::Cut(beyond.cut_off.clone()))?;
    for host in &beyond.replaced {
        world.change(&Change::Crash(*host))?;
    }
    for host in &beyond.replaced {
        world.change(&Change::Start(*host))?;
    }
    let apart = world.within(EVENTUALLY, |cluster| {
        let (cut_off, replaced) = cluster
            .clone()
            .into_iter()
            .partition(|(host, _)| beyond.cut_off.contains(host));
        at_rest(&cut_off)?;
        at_rest(&replaced)
    })?;
    note(took, "replaced to a second cluster", apart);

    world.run_for(beyond.lasting)?;
    world.change(&Change::Mend)?;
    let merged = world.within(WATCHED, |cluster| {
        at_rest(cluster)?;
        invariant_all_are_in_one_of(cluster, &older)
    })?;
    note(took, "healed to the older cluster", merged);
    invariant_the_alarm_is_raised_once(&world.ask_all(["/bootstrap"])?)
}

fn play(world: &mut World, act: &Act, took: &mut Took) -> Result<(), Broken> {
    match act {
        Act::Kill(host) => {
            let dead = World::node(*host);
            world.change(&Change::Crash(*host))?;
            let unreachable = world.within(UNREACHABLE, |cluster| {
                invariant_the_dead_are_not_reachable(cluster, dead)
            })?;
            note(took, "killed to unreachable", unreachable);
            let removed = unreachable + world.within(REMOVED - unreachable, at_rest)?;
            note(took, "killed to removed", removed);
            start_again(world, *host, took)
        }
        Act::Restart(host, after) => {
            world.change(&Change::Crash(*host))?;
            world.run_for(*after)?;
            start_again(world, *host, took)
        }
        Act::Leave(host, after) => {
            world.change(&Change::Leave(*host))?;
            let gone = world.within(GONE, |cluster| {
                invariant_who_was_asked_to_stop_has_stopped(cluster, *host)?;
                at_rest(cluster)
            })?;
            note(took, "asked to stop to gone", gone);
            world.run_for(*after)?;
            start_again(world, *host, took)
        }
        Act::Split(apart, lasting) => {
            world.change(&Change::Cut(apart.clone()))?;
            world.run_for(*lasting)?;
            world.change(&Change::Mend)?;
            rests(world, "healed to merged", MERGED, took)
        }
        Act::Storm(storm) => {
            weather(world, storm)?;
            rests(world, "calm to one cluster", EVENTUALLY, took)
        }
    }
}

fn start_again(world: &mut World, host: plan::Host, took: &mut Took) -> Result<(), Broken> {
    world.change(&Change::Start(host))?;
    rests(world, "started again to member", EVENTUALLY, took)
}

fn weather(world: &mut World, storm: &Storm) -> Result<(), Broken> {
    let began = world.elapsed();
    for (at, change) in &storm.changes {
        world.run_for((began + *at).saturating_sub(world.elapsed()))?;
        world.change(change)?;
    }
    world.run_for((began + storm.lasting).saturating_sub(world.elapsed()))?;
    world.calm()
}

fn rests(
    world: &mut World,
    what: &'static str,
    limit: Duration,
    took: &mut Took,
) -> Result<(), Broken> {
    let rested = world.within(limit, at_rest)?;
    note(took, what, rested);
    Ok(())
}

/// Checks that nothing that was done before has a late effect.
fn stays_at_rest(world: &mut World) -> Result<(), Broken> {
    let end = world.elapsed() + 5 * SECOND;
    while world.elapsed() < end {
        world.run_for(SECOND / 2)?;
        at_rest(&world.running())?;
    }
    Ok(())
}

fn note(took: &mut Took, what: &'static str, this: Duration) {
    let longest = took.entry(what).or_default();
    *longest = this.max(*longest);
}
