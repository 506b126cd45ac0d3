//! What a lookup costs: which calls, how many of them at once.

use std::time::Duration;

use discovery::{Completeness, Lookup, Outcome};
use region::{Action, Fault, Region, Task, TaskStatus};

use crate::support::{calls, ecs, look, reasons};

#[tokio::test]
async fn a_refresh_lists_and_describes_nothing() {
    let region = Region::start().await;
    many(&region, 250);
    let discovery = ecs(&region, |_| ()).await;
    let first = look(&discovery, "orders").await;
    assert_eq!(calls(&first), [("DescribeTasks", 3), ("ListTasks", 3)]);
    for _ in 0..3 {
        let again = look(&discovery, "orders").await;
        assert_eq!(calls(&again), [("ListTasks", 3)]);
        assert_eq!(again.targets, first.targets);
        assert_eq!(again.completeness, Completeness::Complete);
    }
}

#[tokio::test]
async fn a_refresh_describes_what_is_new_or_not_settled() {
    let region = Region::start().await;
    many(&region, 3);
    let starting = region.edit(|account| {
        account.run_task(Task::of_service("demo", "orders").status(TaskStatus::Pending))
    });
    let discovery = ecs(&region, |_| ()).await;
    assert_eq!(look(&discovery, "orders").await.targets.len(), 4);

    region.edit(|account| {
        account.run_task(Task::of_service("demo", "orders"));
    });
    region.reset_calls();
    assert_eq!(look(&discovery, "orders").await.targets.len(), 5);
    assert_eq!(described(&region), 2);

    region.edit(|account| account.task_mut(&starting).last_status = TaskStatus::Running);
    region.reset_calls();
    look(&discovery, "orders").await;
    assert_eq!(described(&region), 1);
    region.reset_calls();
    look(&discovery, "orders").await;
    assert_eq!(described(&region), 0);
}

#[tokio::test]
async fn every_call_is_counted_with_how_it_ended() {
    let region = Region::start().await;
    many(&region, 3);
    let discovery = ecs(&region, |_| ()).await;
    let wanted = Lookup::new("orders");
    let timeout = Duration::from_millis(300);

    look(&discovery, "orders").await;
    let broken = Fault::Error {
        status: 500,
        code: "ServerException",
    };
    for fault in [Fault::Throttle, broken, Fault::NoAnswer] {
        region.faults().add(fault.on([Action::ListTasks]).next(1));
        discovery.lookup(&wanted, timeout).await.unwrap_err();
        region.faults().clear();
    }
    discovery.expected_nodes("orders", timeout).await.unwrap();

    let counted: Vec<_> = discovery.calls().into_iter().collect();
    assert_eq!(
        counted,
        [
            (("DescribeServices", Outcome::Answered), 1),
            (("DescribeTasks", Outcome::Answered), 1),
            (("ListTasks", Outcome::Answered), 1),
            (("ListTasks", Outcome::Throttled), 1),
            (("ListTasks", Outcome::Failed), 1),
            (("ListTasks", Outcome::Abandoned), 1),
        ]
    );
}

#[tokio::test]
async fn a_task_that_left_the_listing_is_no_target_any_more() {
    let region = Region::start().await;
    many(&region, 2);
    let leaving = region.edit(|account| account.run_task(Task::of_service("demo", "orders")));
    let discovery = ecs(&region, |_| ()).await;
    assert_eq!(look(&discovery, "orders").await.targets.len(), 3);
    region.edit(|account| account.stop_task(&leaving));
    let resolved = look(&discovery, "orders").await;
    assert_eq!(resolved.targets.len(), 2);
    assert_eq!(calls(&resolved), [("ListTasks", 1)]);
}

#[tokio::test]
async fn a_changed_tag_is_seen_after_a_minute() {
    let region = Region::start().await;
    let task = region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(Task::of_service("demo", "orders").tag("color", "blue"))
    });
    let discovery = ecs(&region, |ecs| ecs.tags = "color=blue".parse().unwrap()).await;
    assert_eq!(look(&discovery, "orders").await.targets.len(), 1);
    region.edit(|account| {
        let tags = &mut account.task_mut(&task).tags;
        tags.insert("color".to_owned(), "green".to_owned());
    });
    pass(Duration::from_secs(50)).await;
    assert_eq!(look(&discovery, "orders").await.targets.len(), 1);
    pass(Duration::from_secs(10)).await;
    let resolved = look(&discovery, "orders").await;
    assert_eq!(resolved.targets.len(), 0);
    assert_eq!(calls(&resolved), [("DescribeTasks", 1), ("ListTasks", 1)]);
    // That it is none of ours is settled too.
    assert_eq!(calls(&look(&discovery, "orders").await), [("ListTasks", 1)]);
}

#[tokio::test]
async fn describing_overlaps_with_listing_and_is_bounded() {
    let region = Region::start().await;
    many(&region, 2_000);
    region
        .faults()
        .add(Fault::Delay(Duration::from_millis(400)).on([Action::DescribeTasks]));
    let resolved = look(&ecs(&region, |_| ()).await, "orders").await;
    assert_eq!(resolved.targets.len(), 2_000, "{:?}", reasons(&resolved));
    assert_eq!(calls(&resolved), [("DescribeTasks", 20), ("ListTasks", 20)]);
    let calls = region.calls();
    assert_eq!(calls.most_at_once(Action::ListTasks), 1);
    let at_once = calls.most_at_once(Action::DescribeTasks);
    assert!((2..=8).contains(&at_once), "{at_once}");
    let last_page = calls.of(Action::ListTasks).last().unwrap().at;
    let first_group = calls.of(Action::DescribeTasks).next().unwrap().at;
    assert!(first_group < last_page);
}

#[tokio::test]
async fn ten_thousand_tasks_take_a_hundred_calls_of_each_kind() {
    let region = Region::start().await;
    many(&region, 10_000);
    let discovery = ecs(&region, |_| ()).await;
    let lookup = Lookup::new("orders");
    let resolved = discovery
        .lookup(&lookup, Duration::from_secs(25))
        .await
        .unwrap();
    assert_eq!(resolved.targets.len(), 10_000, "{:?}", reasons(&resolved));
    assert_eq!(resolved.completeness, Completeness::Complete);
    assert_eq!(
        calls(&resolved),
        [("DescribeTasks", 100), ("ListTasks", 100)]
    );
}

fn many(region: &Region, tasks: u32) {
    region.edit(|account| {
        account.put_service("demo", "orders", tasks);
        for _ in 0..tasks {
            account.run_task(Task::of_service("demo", "orders"));
        }
    });
}

/// How many tasks were asked for since the calls were forgotten.
fn described(region: &Region) -> usize {
    let calls = region.calls();
    let groups = calls.of(Action::DescribeTasks);
    groups
        .map(|call| call.parameters["tasks"].as_array().unwrap().len())
        .sum()
}

/// Only between calls: paused time would run out while a socket is waited for.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
