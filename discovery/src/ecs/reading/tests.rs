use std::{collections::BTreeSet, net::Ipv4Addr};

use aws_sdk_ecs::types::{Container, NetworkInterface};
use proptest::prelude::*;

use super::*;
use crate::{
    config::{AddressFamily, Tags},
    ecs::address::Wanted,
    lookup::{DropReason, Extent, PartialReason},
    owner::Owner,
};

#[test]
fn groups_hold_at_most_100_tasks_and_wait_until_they_are_full() {
    let world = World::default();
    let mut reading = world.reading();
    world.page(&mut reading, 0..99, Some("a"));
    assert_eq!(reading.next_group(), None);
    world.page(&mut reading, 99..250, Some("b"));
    assert_eq!(reading.next_group().unwrap().len(), 100);
    assert_eq!(reading.next_group().unwrap().len(), 100);
    assert_eq!(reading.next_group(), None);
    world.page(&mut reading, 250..250, None);
    assert_eq!(reading.next_group().unwrap().len(), 50);
    assert_eq!(reading.next_group(), None);
}

#[test]
fn nothing_listed_is_nothing_to_describe_and_complete() {
    let world = World::default();
    let mut reading = world.reading();
    world.page(&mut reading, 0..0, None);
    assert_eq!(reading.next_group(), None);
    let found = world.finish(reading).unwrap();
    assert!(found.targets.is_empty() && found.partial.is_empty());
}

#[test]
fn short_and_empty_pages_do_not_end_the_listing() {
    let world = World::default();
    let mut reading = world.reading();
    assert_eq!(
        world.page(&mut reading, 0..0, Some("a")),
        Some("a".to_owned())
    );
    assert_eq!(
        world.page(&mut reading, 0..1, Some("b")),
        Some("b".to_owned())
    );
    assert_eq!(world.page(&mut reading, 1..2, None), None);
    world.describe_all(&mut reading);
    let found = world.finish(reading).unwrap();
    assert_eq!(found.targets.len(), 2);
    assert_eq!(found.partial, []);
}

#[test]
fn a_page_token_that_comes_twice_ends_the_listing_and_is_never_complete() {
    let world = World::default();
    let mut reading = world.reading();
    world.page(&mut reading, 0..1, Some("a"));
    world.page(&mut reading, 1..2, Some("b"));
    assert_eq!(world.page(&mut reading, 2..3, Some("a")), None);
    world.describe_all(&mut reading);
    let found = world.finish(reading).unwrap();
    assert_eq!(found.targets.len(), 3);
    assert_eq!(
        found.partial,
        [PartialReason::ListingEnded {
            error: "listing: AWS gave the same page token twice".to_owned()
        }]
    );
}

#[test]
fn a_listing_that_fails_before_anything_was_described_is_the_error() {
    let world = World::default();
    let mut reading = world.reading();
    world.page(&mut reading, 0..0, Some("a"));
    reading.listing_failed(world.failure());
    assert!(matches!(
        world.finish(reading),
        Err(Error::RepeatedPage { .. })
    ));
}

#[test]
fn a_listing_that_fails_later_leaves_what_was_read() {
    let world = World::default();
    let mut reading = world.reading();
    world.page(&mut reading, 0..3, Some("a"));
    reading.listing_failed(world.failure());
    world.describe_all(&mut reading);
    let found = world.finish(reading).unwrap();
    assert_eq!(found.targets.len(), 3);
    assert!(matches!(
        found.partial[..],
        [PartialReason::ListingEnded { .. }]
    ));
}

#[test]
fn one_group_that_fails_makes_the_view_partial_and_all_of_them_an_error() {
    for (failing, groups) in [(1, 2), (2, 2), (1, 1)] {
        let world = World::default();
        let mut reading = world.reading();
        world.page(&mut reading, 0..100 * groups, None);
        for number in 0..groups {
            let group = reading.next_group().unwrap();
            if number < failing {
                reading.group_failed(group.len(), world.failure());
            } else {
                world.describe(&mut reading, group);
            }
        }
        match world.finish(reading) {
            Ok(found) => {
                assert!(failing < groups);
                assert_eq!(found.targets.len(), 100);
                assert!(matches!(
                    found.partial[..],
                    [PartialReason::GroupFailed { tasks: 100, .. }]
                ));
            }
            Err(_) => assert_eq!(failing, groups),
        }
    }
}

#[test]
fn out_of_time_everything_open_is_a_reason() {
    let world = World::default();
    let mut reading = world.reading();
    world.page(&mut reading, 0..250, Some("a"));
    let group = reading.next_group().unwrap();
    world.describe(&mut reading, group);
    let _in_flight = reading.next_group().unwrap();
    reading.out_of_time(Duration::from_secs(3));
    let found = world.finish(reading).unwrap();
    assert_eq!(found.targets.len(), 100);
    let reasons: Vec<String> = found.partial.iter().map(ToString::to_string).collect();
    assert_eq!(
        reasons,
        [
            "the listing ended early: listing: no answer within 3s",
            "150 listed tasks were not described: describing: no answer within 3s",
        ]
    );
}

#[test]
fn out_of_time_with_nothing_learnt_is_the_error() {
    let world = World::default();
    let mut reading = world.reading();
    world.page(&mut reading, 0..250, None);
    reading.out_of_time(Duration::from_secs(3));
    let error = world.finish(reading).unwrap_err();
    assert_eq!(error.to_string(), "describing: no answer within 3s");
}

#[test]
fn a_task_that_the_answer_leaves_out_makes_the_view_partial() {
    let world = World::of(&[Kind::Running, Kind::LeftOut]);
    let mut reading = world.reading();
    world.page(&mut reading, 0..2, None);
    world.describe_all(&mut reading);
    let found = world.finish(reading).unwrap();
    assert_eq!(found.targets.len(), 1);
    assert_eq!(
        found.partial,
        [PartialReason::NotDescribed {
            id: id(1),
            reason: "the answer does not contain it".to_owned()
        }]
    );
}

#[test]
fn what_was_not_asked_for_is_not_taken() {
    let world = World::default();
    let mut reading = world.reading();
    world.page(&mut reading, 0..1, None);
    let group = reading.next_group().unwrap();
    let tasks = [world.task(0), world.task(0), world.task(7)];
    world.answer(&mut reading, group, &tasks, &[]);
    assert_eq!(world.finish(reading).unwrap().targets.len(), 1);
}

#[test]
fn a_task_that_is_gone_leaves_the_view_complete() {
    let world = World::of(&[Kind::Running, Kind::Gone]);
    let mut reading = world.reading();
    world.page(&mut reading, 0..2, None);
    world.describe_all(&mut reading);
    let found = world.finish(reading).unwrap();
    assert_eq!(found.partial, []);
    assert_eq!(found.dropped[0].reason, DropReason::Gone);
}

#[test]
fn a_refresh_describes_only_what_is_not_settled() {
    let world = World::of(&[Kind::Running, Kind::WithoutAddress, Kind::Running]);
    let first = world.lookup(0..3);
    assert_eq!(first, [id(0), id(1), id(2)]);
    assert_eq!(world.lookup(0..3), [id(1)]);
    // What left the listing is described again when it comes back.
    assert_eq!(world.lookup(0..2), [id(1)]);
    assert_eq!(world.lookup(0..3), [id(1), id(2)]);
}

proptest! {
    /// Whatever pages come, and whatever fails, a view that calls itself complete is exactly the
    /// running tasks; a partial one names no other; and an error means that nothing was learnt.
    #[test]
    fn no_view_is_wrongly_complete(
        world in prop::collection::vec(kind(), 1..20).prop_map(|kinds| World::of(&kinds)),
        pages in prop::collection::vec(prop::collection::vec(0_usize..20, 0..8), 1..6),
        end in end(),
        describes in prop::collection::vec(any::<bool>(), 2),
        eager in any::<bool>(),
    ) {
        for describes in &describes {
            check(&world, &pages, end, &[*describes], eager)?;
        }
    }

    /// The same with more tasks than are described in one call.
    #[test]
    fn no_view_of_several_groups_is_wrongly_complete(
        world in prop::collection::vec(kind(), 1..20).prop_map(|kinds| {
            let kinds: Vec<Kind> = kinds.into_iter().cycle().take(400).collect();
            World::of(&kinds)
        }),
        pages in prop::collection::vec(
            (0_usize..300, 0_usize..100).prop_map(|(first, many)| (first..first + many).collect()),
            1..6,
        ),
        end in end(),
        describes in prop::collection::vec(any::<bool>(), 5),
        eager in any::<bool>(),
    ) {
        check(&world, &pages, end, &describes, eager)?;
    }
}

fn check(
    world: &World,
    pages: &[Vec<usize>],
    end: End,
    describes: &[bool],
    eager: bool,
) -> Result<(), TestCaseError> {
    let mut reading = world.reading();
    let mut listed = BTreeSet::new();
    let mut known = BTreeSet::new();
    let mut described = BTreeSet::new();
    let mut group_failed = false;
    let mut learnt = false;
    let mut outcomes = describes.iter().copied();
    let mut describe = |reading: &mut Reading<'_>| {
        while let Some(group) = reading.next_group() {
            if outcomes.next().unwrap_or(true) {
                described.extend(group.iter().cloned());
                world.describe(reading, group);
                learnt = true;
            } else {
                reading.group_failed(group.len(), world.failure());
                group_failed = true;
            }
        }
    };

    let mut ended = false;
    for (number, page) in pages.iter().enumerate() {
        let ids: Vec<String> = page
            .iter()
            .filter(|task| **task < world.kinds.len())
            .map(|task| id(*task))
            .collect();
        for id in &ids {
            let settled = world.settled.borrow();
            if settled.get("demo", id, world.now).is_some() {
                known.insert(id.clone());
            }
        }
        listed.extend(ids.iter().cloned());
        let last = number + 1 == pages.len();
        let token = match (last, end) {
            (true, End::Complete) => None,
            // The first page's token, once more.
            (true, End::RepeatedToken) => Some("0".to_owned()),
            (true, End::Failure | End::Timeout) | (false, _) => Some(number.to_string()),
        };
        reading.page(ids, token, &world.settled.borrow(), world.now);
        if eager {
            describe(&mut reading);
        }
        ended = last;
    }
    prop_assert!(ended);
    match end {
        End::Complete => {}
        // With a single page its token is new, and the next page fails.
        End::RepeatedToken if 1 < pages.len() => {}
        End::RepeatedToken | End::Failure => reading.listing_failed(world.failure()),
        End::Timeout => reading.out_of_time(Duration::from_secs(3)),
    }
    if end != End::Timeout {
        describe(&mut reading);
    }

    described.extend(known);
    let running = |ids: &BTreeSet<String>| -> BTreeSet<String> {
        ids.iter()
            .filter(|id| world.kind(id) == Kind::Running)
            .cloned()
            .collect()
    };
    let unclear = listed.iter().any(|id| world.kind(id).is_unclear());
    let all = end == End::Complete && !group_failed;
    match world.finish(reading) {
        Ok(found) => {
            let targets: Vec<String> = found.targets.iter().map(|it| it.id.clone()).collect();
            let unique: BTreeSet<String> = targets.iter().cloned().collect();
            prop_assert_eq!(targets.len(), unique.len());
            prop_assert_eq!(&unique, &running(&described));
            prop_assert_eq!(
                found.partial.is_empty(),
                all && !unclear,
                "{:?}",
                found.partial
            );
            if found.partial.is_empty() {
                prop_assert_eq!(unique, running(&listed));
            }
        }
        Err(_) => {
            prop_assert!(!all);
            prop_assert!(!learnt && described.is_empty());
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Failure,
    RepeatedToken,
    Timeout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Running,
    WithoutAddress,
    Stopping,
    Gone,
    Failing,
    LeftOut,
}

impl Kind {
    fn is_unclear(self) -> bool {
        match self {
            Self::WithoutAddress | Self::Failing | Self::LeftOut => true,
            Self::Running | Self::Stopping | Self::Gone => false,
        }
    }
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        2 => Just(End::Complete),
        1 => Just(End::Failure),
        1 => Just(End::RepeatedToken),
        1 => Just(End::Timeout),
    ]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        6 => Just(Kind::Running),
        1 => Just(Kind::WithoutAddress),
        1 => Just(Kind::Stopping),
        1 => Just(Kind::Gone),
        1 => Just(Kind::Failing),
        1 => Just(Kind::LeftOut),
    ]
}

/// Tasks by number, all running unless said otherwise.
#[derive(Debug)]
struct World {
    kinds: Vec<Kind>,
    question: Question,
    criteria: Criteria,
    settled: std::cell::RefCell<Settled>,
    now: Instant,
}

impl Default for World {
    fn default() -> Self {
        Self::of(&[Kind::Running; 300])
    }
}

impl World {
    fn of(kinds: &[Kind]) -> Self {
        let attempt = |what: &str| Attempt {
            action: "ecs:ListTasks",
            what: what.to_owned(),
        };
        Self {
            kinds: kinds.to_vec(),
            question: Question {
                name: "demo".to_owned(),
                whose: Whose::Service(Owner::ecs_service("demo", "orders")),
                list: attempt("listing"),
                describe: attempt("describing"),
            },
            criteria: Criteria {
                tags: Tags::default(),
                address: Wanted {
                    family: AddressFamily::Ipv4,
                    container: None,
                },
            },
            settled: std::cell::RefCell::default(),
            now: Instant::now(),
        }
    }

    fn reading(&self) -> Reading<'_> {
        Reading::new(&self.question, &self.criteria, Extent::Whole)
    }

    fn page(
        &self,
        reading: &mut Reading<'_>,
        tasks: std::ops::Range<usize>,
        next: Option<&str>,
    ) -> Option<String> {
        let next = next.map(str::to_owned);
        reading.page(
            tasks.map(id).collect(),
            next,
            &self.settled.borrow(),
            self.now,
        )
    }

    /// Lists these and describes what is asked for, which it returns.
    fn lookup(&self, tasks: std::ops::Range<usize>) -> Vec<String> {
        let mut reading = self.reading();
        self.page(&mut reading, tasks, None);
        let asked = self.describe_all(&mut reading);
        self.finish(reading).unwrap();
        asked
    }

    fn describe_all(&self, reading: &mut Reading<'_>) -> Vec<String> {
        let mut asked = Vec::new();
        while let Some(group) = reading.next_group() {
            asked.extend(group.clone());
            self.describe(reading, group);
        }
        asked
    }

    fn describe(&self, reading: &mut Reading<'_>, group: Vec<String>) {
        let mut tasks = Vec::new();
        let mut failures = Vec::new();
        for id in &group {
            let failure = |reason: &str| Failure::builder().arn(id).reason(reason).build();
            match self.kind(id) {
                Kind::Running | Kind::WithoutAddress | Kind::Stopping => {
                    tasks.push(self.task(number(id)));
                }
                Kind::Gone => failures.push(failure("MISSING")),
                Kind::Failing => failures.push(failure("INTERNAL")),
                Kind::LeftOut => {}
            }
        }
        self.answer(reading, group, &tasks, &failures);
    }

    fn answer(
        &self,
        reading: &mut Reading<'_>,
        group: Vec<String>,
        tasks: &[Task],
        failures: &[Failure],
    ) {
        let mut settled = self.settled.borrow_mut();
        reading
            .described(group, tasks, failures, &mut settled, self.now)
            .unwrap();
    }

    fn finish(&self, reading: Reading<'_>) -> Result<Found, Error> {
        reading.finish(&mut self.settled.borrow_mut(), self.now)
    }

    fn failure(&self) -> Error {
        Error::RepeatedPage {
            attempt: self.question.list.clone(),
        }
    }

    fn kind(&self, id: &str) -> Kind {
        self.kinds[number(id)]
    }

    fn task(&self, number: usize) -> Task {
        let address = Ipv4Addr::from(0x0a00_0000 + u32::try_from(number).unwrap());
        let interface = match self.kinds[number] {
            Kind::WithoutAddress => NetworkInterface::builder().build(),
            _ => NetworkInterface::builder()
                .private_ipv4_address(address.to_string())
                .build(),
        };
        let desired = match self.kinds[number] {
            Kind::Stopping => "STOPPED",
            _ => "RUNNING",
        };
        Task::builder()
            .task_arn(id(number))
            .desired_status(desired)
            .last_status("RUNNING")
            .containers(Container::builder().network_interfaces(interface).build())
            .build()
    }
}

fn id(number: usize) -> String {
    format!("arn:aws:ecs:eu-central-1:111122223333:task/prod/{number}")
}

fn number(id: &str) -> usize {
    id.rsplit('/').next().unwrap().parse().unwrap()
}
