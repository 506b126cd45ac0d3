//! How much of a list is read, and what is done about calls that are throttled.

use std::time::Duration;

use discovery::{
    Completeness, Discovery, Error, Extent, Lookup, OnThrottle, PartialReason, Resolved,
};
use region::{Action, Fault, Region, Task};

use crate::support::{Script, addresses, calls, ecs};

const PATIENCE: Duration = Duration::from_secs(20);

fn first_page() -> Lookup {
    let mut lookup = Lookup::new("orders");
    lookup.extent = Extent::FirstPage;
    lookup
}

async fn with_tasks(tasks: u32) -> Region {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", tasks);
        for _ in 0..tasks {
            account.run_task(Task::of_service("demo", "orders"));
        }
    });
    region
}

async fn look(discovery: &Discovery, lookup: Lookup) -> Result<Resolved, Error> {
    Box::pin(discovery.lookup(&lookup, PATIENCE)).await
}

#[tokio::test]
async fn the_first_page_costs_two_calls_however_many_tasks_there_are() {
    let region = with_tasks(250).await;
    let discovery = ecs(&region, |_| ()).await;
    let resolved = look(&discovery, first_page()).await.unwrap();
    assert_eq!(resolved.targets.len(), 100);
    assert_eq!(
        resolved.completeness,
        Completeness::Partial(vec![PartialReason::MorePages])
    );
    assert_eq!(calls(&resolved), [("DescribeTasks", 1), ("ListTasks", 1)]);

    // What it has described, the whole list need not describe again.
    let whole = look(&discovery, Lookup::new("orders")).await.unwrap();
    assert_eq!(whole.completeness, Completeness::Complete);
    assert_eq!(calls(&whole), [("DescribeTasks", 2), ("ListTasks", 3)]);
}

#[tokio::test]
async fn a_first_page_that_is_the_only_one_is_complete() {
    let region = with_tasks(100).await;
    let resolved = look(&ecs(&region, |_| ()).await, first_page()).await;
    let resolved = resolved.unwrap();
    assert_eq!(resolved.targets.len(), 100);
    assert_eq!(resolved.completeness, Completeness::Complete);
}

/// AWS may answer with an empty page that has a successor.
#[tokio::test]
async fn an_empty_page_is_not_yet_the_first() {
    let page = |instance: &str, token: &str| {
        let page = format!(
            "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <reservationSet>{instance}</reservationSet><nextToken>{token}</nextToken>\
             </DescribeInstancesResponse>"
        );
        (200, page.into_bytes())
    };
    let instance = "<item><instancesSet><item><instanceId>i-1</instanceId>\
        <privateIpAddress>10.0.1.1</privateIpAddress>\
        <tagSet><item><key>service</key><value>orders</value></item></tagSet>\
        </item></instancesSet></item>";
    let script = Script::start([(
        "DescribeInstances",
        vec![page("", "a"), page(instance, "b")],
    )]);
    let script = script.await;
    let resolved = look(&script.ec2().await, first_page()).await.unwrap();
    assert_eq!(addresses(&resolved), ["10.0.1.1"]);
    assert_eq!(
        resolved.completeness,
        Completeness::Partial(vec![PartialReason::MorePages])
    );
}

#[tokio::test]
async fn a_lookup_that_is_told_to_makes_throttled_calls_again() {
    let region = with_tasks(150).await;
    let throttled = Fault::Throttle.on([Action::ListTasks, Action::DescribeTasks]);
    region.faults().add(throttled.next(2));
    let mut lookup = Lookup::new("orders");
    lookup.on_throttle = OnThrottle::MakeAgain;
    let resolved = look(&ecs(&region, |_| ()).await, lookup).await.unwrap();
    assert_eq!(resolved.completeness, Completeness::Complete);
    assert_eq!(resolved.targets.len(), 150);
    assert_eq!(
        resolved.calls.of("ListTasks") + resolved.calls.of("DescribeTasks"),
        6
    );
}

#[tokio::test]
async fn the_first_call_is_not_made_again_by_who_only_goes_on() {
    let region = with_tasks(1).await;
    region.faults().add(Fault::Throttle);
    for on_throttle in [OnThrottle::GiveUp, OnThrottle::GoOn] {
        region.reset_calls();
        let mut lookup = Lookup::new("orders");
        lookup.on_throttle = on_throttle;
        let error = look(&ecs(&region, |_| ()).await, lookup).await.unwrap_err();
        assert!(matches!(error, Error::Throttled { .. }), "{error}");
        assert_eq!(region.calls().log().len(), 1);
    }
}
