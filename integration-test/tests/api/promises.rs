//! What the library promises of its API, whatever version it becomes: handles, labels, spans, errors in one line.

use discovery::{
    Chain, Discovery, DropReason, Error, Missing, Outcome, PartialReason, Remedy, Watch,
};
use region::{Region, Task};
use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::support::{ask, calls, ecs, logged_by, look};

async fn region() -> Region {
    let region = Region::start().await;
    region.edit(|account| {
        account.put_service("demo", "orders", 1);
        account.run_task(Task::of_service("demo", "orders"));
    });
    region
}

#[tokio::test]
async fn clones_are_one_handle_and_share_what_it_remembers() {
    let region = region().await;
    let one = ecs(&region, |_| ()).await;
    let another = one.clone();
    let first = look(&one, "orders").await;
    let again = look(&another, "orders").await;
    // A refresh, as if the same had looked.
    assert_eq!(calls(&again), [("ListTasks", 1)]);
    assert_eq!(again, first, "whatever calls it took");
    assert_eq!(one.calls(), another.calls());
}

#[test]
fn handles_go_wherever_tasks_go() {
    fn anywhere<T: Send + Sync + Unpin + 'static>() {}
    anywhere::<Discovery>();
    anywhere::<Error>();
    anywhere::<Watch>();
}

/// Metrics go by them.
#[test]
fn labels_stay_as_they_are() {
    let text = || "text".to_owned();
    let dropped = [
        DropReason::Stopping {
            desired: text(),
            last: text(),
        },
        DropReason::Gone,
        DropReason::NotDescribed(text()),
        DropReason::NoAddress {
            wanted: text(),
            missing: Missing::Yet,
        },
        DropReason::TagMismatch(text()),
        DropReason::NotRunning(text()),
        DropReason::SameAddress(text()),
    ];
    assert_eq!(
        dropped.map(|reason| reason.label()),
        [
            "stopping",
            "gone",
            "not-described",
            "no-address",
            "tag-mismatch",
            "not-running",
            "same-address"
        ]
    );
    let partial = [
        PartialReason::NoAddress {
            id: text(),
            wanted: text(),
            missing: Missing::Yet,
        },
        PartialReason::NotDescribed {
            id: text(),
            reason: text(),
        },
        PartialReason::GroupFailed {
            tasks: 1,
            error: text(),
        },
        PartialReason::ListingEnded { error: text() },
        PartialReason::ServiceFailed {
            service: text(),
            error: text(),
            remedy: Remedy::RetryLater,
        },
        PartialReason::MorePages,
    ];
    assert_eq!(
        partial.map(|reason| reason.label()),
        [
            "no-address",
            "not-described",
            "group-failed",
            "listing-ended",
            "service-failed",
            "more-pages"
        ]
    );
}

#[test]
fn outcomes_of_calls_stay_as_they_are() {
    let outcomes = [
        Outcome::Answered,
        Outcome::Throttled,
        Outcome::Denied,
        Outcome::TimedOut,
        Outcome::Failed,
        Outcome::Abandoned,
    ];
    assert_eq!(
        outcomes.map(Outcome::as_str),
        [
            "answered",
            "throttled",
            "denied",
            "timed-out",
            "failed",
            "abandoned"
        ]
    );
}

#[tokio::test]
async fn each_lookup_is_one_span_with_its_method_and_its_service() {
    let region = region().await;
    let discovery = ecs(&region, |_| ()).await;
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(Level::DEBUG)
        .with_span_events(FmtSpan::NEW);
    let ((), log) = logged_by(subscriber, async {
        for _ in 0..2 {
            look(&discovery, "orders").await;
        }
    })
    .await;
    let span = r#" lookup{method=aws-api-ecs service="orders"}: discovery::discovery: new"#;
    let begun = log.lines().filter(|line| line.ends_with(span));
    assert_eq!(begun.count(), 2, "{log}");
}

#[tokio::test]
async fn an_error_tells_all_its_causes_in_one_line() {
    let region = region().await;
    let discovery = ecs(&region, |_| ()).await;
    region.edit(|account| {
        let role = account.role_mut(region::account::TASK_ROLE);
        role.deny("ecs:ListTasks");
    });
    let error = ask(&discovery, "orders").await.unwrap_err();
    let told = Chain(&error).to_string();
    for part in [
        "listing the tasks of service `orders`",
        "ecs:ListTasks",
        "AccessDeniedException",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(told.lines().count(), 1);
}
