//! Looking up again and again against a region that changes, and fails.

use std::{net::Ipv4Addr, time::Duration};

use discovery::{Discovery, Error, Lookup, Pace, Target, Watch};
use region::{Action, Fault, Region, Task};

use crate::support::ecs;

#[tokio::test]
async fn each_view_tells_what_has_come_and_gone() {
    let region = Region::start().await;
    let first = region.edit(|account| {
        account.put_service("demo", "orders", 2);
        account.run_task(order(1))
    });
    let mut watch = watch(&ecs(&region, |_| ()).await);
    let view = watch.next_view().await;
    assert_eq!(ends(&view.changes.added), [1]);
    assert!(view.is_complete());

    region.edit(|account| {
        account.run_task(order(2));
        account.finish_task(&first);
    });
    let view = watch.next_view().await;
    assert_eq!(ends(&view.changes.added), [2]);
    assert_eq!(ends(&view.changes.removed), [1]);
    assert_eq!(ends(&view.targets), [2]);
}

#[tokio::test]
async fn while_lookups_fail_the_last_complete_view_remains_and_grows_old() {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(order(1));
    });
    let mut watch = watch(&ecs(&region, |_| ()).await);
    watch.next_view().await;

    region
        .faults()
        .add(Fault::Throttle.on([Action::ListTasks]).next(2));
    let mut age = Duration::ZERO;
    for failures in 1..=2 {
        let view = watch.next_view().await;
        let error = view.outcome.as_ref().unwrap_err();
        assert!(matches!(error, Error::Throttled { .. }), "{error}");
        assert!(!view.is_complete());
        assert_eq!(view.failures, failures);
        assert_eq!(ends(&view.targets), [1]);
        let last = view.last_complete.unwrap();
        assert!(age < last.age);
        age = last.age;
    }
    let view = watch.next_view().await;
    assert!(view.is_complete());
    assert_eq!(view.failures, 0);
    assert!(view.changes.is_empty());
}

#[tokio::test]
async fn a_watch_that_is_dropped_calls_nobody_any_more() {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(order(1));
    });
    let discovery = ecs(&region, |_| ()).await;
    let mut dropped = watch(&discovery);
    dropped.next_view().await;
    drop(dropped);
    let before = region.calls().count(Action::ListTasks);

    // Another one goes on meanwhile, so time has passed.
    let mut other = watch(&discovery);
    for _ in 0..5 {
        other.next_view().await;
    }
    assert_eq!(region.calls().count(Action::ListTasks), before + 5);
}

#[tokio::test]
async fn a_watch_that_is_dropped_during_a_call_calls_nobody_any_more() {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(order(1));
    });
    let discovery = ecs(&region, |_| ()).await;
    let listed = || region.calls().count(Action::ListTasks);
    region.faults().add(Fault::NoAnswer.on([Action::ListTasks]));
    let mut dropped = watch(&discovery);
    let called = async {
        while listed() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        view = dropped.next_view() => panic!("{view:?}"),
        () = called => {}
    }
    drop(dropped);
    region.faults().clear();

    // Another one goes on meanwhile, so time has passed.
    let mut other = watch(&discovery);
    for _ in 0..5 {
        assert!(other.next_view().await.is_complete());
    }
    assert_eq!(listed(), 1 + 5);
}

#[tokio::test]
async fn a_lookup_under_way_is_not_begun_again_by_who_asks() {
    let region = Region::start().await;
    region.edit(|account| account.put_service("demo", "orders", 0).desired_count);
    let discovery = ecs(&region, |_| ()).await;
    let listed = || region.calls().count(Action::ListTasks);
    region
        .faults()
        .add(Fault::NoAnswer.on([Action::ListTasks]).next(1));
    let mut watch = discovery.watch(Lookup::new("orders"), Pace::on_demand());
    watch.pace.timeout = Duration::from_millis(300);
    loop {
        tokio::select! {
            biased;
            view = watch.next_view() => panic!("{view:?}"),
            () = tokio::task::yield_now() => {}
        }
        if listed() == 1 {
            break;
        }
    }
    watch.look_now();
    // The one that was under way, whose time is up.
    let view = watch.next_view().await;
    assert!(matches!(view.outcome, Err(Error::TimedOut { .. })));
    assert_eq!(listed(), 1);
    watch.look_now();
    assert!(watch.next_view().await.is_complete());
    assert_eq!(listed(), 2);
}

fn watch(discovery: &Discovery) -> Watch {
    let mut pace = Pace::every(Duration::from_millis(5));
    // Nor are pauses longer after failures.
    pace.backoff_max = pace.interval;
    pace.timeout = crate::support::PATIENCE;
    discovery.watch(Lookup::new("orders"), pace)
}

/// The last bytes of their addresses.
fn ends(targets: &[Target]) -> Vec<u8> {
    let addresses = targets.iter().map(|target| match target.address {
        std::net::IpAddr::V4(address) => address.octets()[3],
        std::net::IpAddr::V6(address) => panic!("{address}"),
    });
    addresses.collect()
}

fn order(last: u8) -> Task {
    Task::of_service("demo", "orders").at(Ipv4Addr::new(10, 0, 1, last))
}
