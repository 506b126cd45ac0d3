//! Repeated lookups, at the caller's pace.
//!
//! No task runs for this: a [`Watch`] continues while it is polled, and ends when it is dropped. [`view`] decides
//! what a lookup means, without clocks or randomness. A caller with a pace that
//! no [`Pace`] describes decides itself when to [look](Watch::look_now).

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::Stream;
use tokio::time::{Instant, Sleep, sleep};

use crate::{
    discovery::{DEFAULT_RESOLVE_TIMEOUT, Discovery},
    error::Error,
    lookup::{Lookup, Resolved},
};

mod view;

use view::Seen;
pub use view::{Change, Changes, LastComplete, View};

/// The longest pause after failures, unless the interval is longer.
const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// Where pauses start to grow after failures, if the interval is shorter.
const BACKOFF_MIN: Duration = Duration::from_secs(1);

/// The share that is added to pauses at random: many nodes watch, and may have started together.
const JITTER: f64 = 0.2;

/// A page of ECS. Up to this many targets, a lookup costs the same.
const FULL_SPEED_UP_TO: usize = 100;

/// How often a [`Watch`] looks up by itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pace {
    /// The shortest pause between two lookups.
    pub interval: Duration,
    /// Up to this share of a pause is added to it, at random.
    pub jitter: f64,
    /// The longest pause. While lookups or their calls fail, each pause is twice as long as the one before, starting
    /// at the interval or one second, whichever is longer. If the interval is longer than this, the interval counts.
    pub backoff_max: Duration,
    /// For each so many targets the interval is added once more, so that longer lists do not cause more calls per
    /// second.
    pub full_speed_up_to: usize,
    /// How long each lookup may take.
    pub timeout: Duration,
}

/// An endless stream of [`View`]s. The first comes after one lookup, each other one after a pause.
///
/// The future of [`Watch::next_view`] may be dropped and made again: the running lookup continues.
#[must_use = "it looks nothing up unless it is polled"]
pub struct Watch {
    /// What is looked up. It may be changed at any time: that holds for the next lookup that begins.
    pub lookup: Lookup,
    /// How often, and how long each may take. It may be changed at any time: that holds for the next lookup that
    /// begins, and the pause after it.
    pub pace: Pace,
    discovery: Discovery,
    seen: Seen,
    step: Step,
}

enum Step {
    /// The next lookup begins when it is polled.
    Due,
    Waiting(Pin<Box<Sleep>>),
    /// Never locked, as who polls it has it for himself: with the lock what holds a watch can be shared between threads.
    Looking(Mutex<Pin<Box<dyn Future<Output = Looked> + Send>>>),
}

struct Looked {
    outcome: Result<Resolved, Error>,
    took: Duration,
}

impl Pace {
    /// This interval, plus up to a fifth at random, for each hundred targets; while lookups fail longer, up to 15 s.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self {
            interval,
            jitter: JITTER,
            backoff_max: BACKOFF_MAX,
            full_speed_up_to: FULL_SPEED_UP_TO,
            timeout: DEFAULT_RESOLVE_TIMEOUT,
        }
    }

    /// Once, and then only when it is [asked to](Watch::look_now), also where lookups fail.
    #[must_use]
    pub fn on_demand() -> Self {
        Self::every(Duration::MAX)
    }

    /// The pause after a lookup; `chance` is from 0 to 1.
    fn pause(&self, targets: usize, failures: u32, chance: f64) -> Duration {
        let pages = targets.div_ceil(self.full_speed_up_to.max(1)).max(1);
        let pages = u32::try_from(pages).unwrap_or(u32::MAX);
        let usual = self.interval.saturating_mul(pages);
        let pause = match failures {
            0 => usual,
            // Beyond this, any interval is long enough.
            failures => usual
                .max(BACKOFF_MIN)
                .saturating_mul(1 << failures.min(20))
                .min(self.backoff_max.max(usual)),
        };
        let jitter = if self.jitter.is_finite() {
            self.jitter.clamp(0.0, 10.0)
        } else {
            0.0
        };
        let added = Duration::try_from_secs_f64(pause.as_secs_f64() * jitter * chance);
        pause.saturating_add(added.unwrap_or_default())
    }
}

impl Discovery {
    /// Looks up repeatedly, and reports each time what has changed. It ends when the returned value is dropped.
    pub fn watch(&self, lookup: Lookup, pace: Pace) -> Watch {
        Watch {
            lookup,
            pace,
            discovery: self.clone(),
            seen: Seen::default(),
            step: Step::Due,
        }
    }
}

fn look(discovery: &Discovery, lookup: &Lookup, pace: &Pace) -> Step {
    let (discovery, lookup, timeout) = (discovery.clone(), lookup.clone(), pace.timeout);
    let looking = async move {
        let began = Instant::now();
        let outcome = discovery.lookup(&lookup, timeout).await;
        Looked {
            outcome,
            took: began.elapsed(),
        }
    };
    Step::Looking(Mutex::new(Box::pin(looking)))
}

impl Watch {
    /// The next view, when it is time.
    pub async fn next_view(&mut self) -> View {
        std::future::poll_fn(|context| self.poll_view(context)).await
    }

    /// Ends the pause: the next lookup begins when this is polled. One that is under way goes on, and is the next.
    pub fn look_now(&mut self) {
        if let Step::Waiting(_) = self.step {
            self.step = Step::Due;
        }
    }

    fn poll_view(&mut self, context: &mut Context<'_>) -> Poll<View> {
        loop {
            match &mut self.step {
                Step::Waiting(pause) => {
                    ready!(pause.as_mut().poll(context));
                    self.step = Step::Due;
                }
                Step::Due => self.step = look(&self.discovery, &self.lookup, &self.pace),
                Step::Looking(looking) => {
                    let looking = looking.get_mut().unwrap_or_else(PoisonError::into_inner);
                    let Looked { outcome, took } = ready!(looking.as_mut().poll(context));
                    let view = self.seen.view(outcome.map(Arc::new), took, Instant::now());
                    let chance = fastrand::f64();
                    let troubles = self.seen.troubles();
                    let pause = self.pace.pause(view.targets.len(), troubles, chance);
                    self.step = Step::Waiting(Box::pin(sleep(pause)));
                    return Poll::Ready(view);
                }
            }
        }
    }
}

impl Stream for Watch {
    type Item = View;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<View>> {
        self.poll_view(context).map(Some)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("lookup", &self.lookup)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, StreamExt as _};

    use super::*;
    use crate::config::{Fixed, Settings};

    fn pace() -> Pace {
        Pace {
            jitter: 0.0,
            ..Pace::every(Duration::from_secs(1))
        }
    }

    fn seconds(pace: &Pace, targets: usize, failures: u32, chance: f64) -> f64 {
        pace.pause(targets, failures, chance).as_secs_f64()
    }

    #[test]
    fn pauses_grow_with_failures_up_to_a_limit() {
        let pauses = [0, 1, 2, 3, 4, 100].map(|failures| seconds(&pace(), 3, failures, 0.0));
        assert_eq!(pauses, [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]);
        let slow = Pace {
            interval: Duration::from_secs(60),
            ..pace()
        };
        assert_eq!(seconds(&slow, 3, 5, 0.0), 60.0);
        let eager = Pace {
            interval: Duration::ZERO,
            ..pace()
        };
        let pauses = [0, 1, 2, 5].map(|failures| seconds(&eager, 3, failures, 0.0));
        assert_eq!(pauses, [0.0, 2.0, 4.0, 15.0]);
    }

    #[test]
    fn pauses_grow_with_the_pages_of_the_list() {
        let pauses = [0, 1, 100, 101, 1000].map(|targets| seconds(&pace(), targets, 0, 0.0));
        assert_eq!(pauses, [1.0, 1.0, 1.0, 2.0, 10.0]);
        // Pauses do not become shorter while lookups fail.
        assert_eq!(seconds(&pace(), 10_000, 1, 0.0), 100.0);
    }

    #[test]
    fn chance_adds_a_share_at_most() {
        let pace = Pace {
            jitter: 0.5,
            ..pace()
        };
        assert_eq!(seconds(&pace, 3, 0, 0.0), 1.0);
        assert_eq!(seconds(&pace, 3, 0, 1.0), 1.5);
        for odd in [f64::NAN, f64::INFINITY, -1.0] {
            let pace = Pace {
                jitter: odd,
                ..pace.clone()
            };
            assert_eq!(seconds(&pace, 3, 0, 1.0), 1.0);
        }
    }

    async fn fixed() -> Discovery {
        let targets = "10.0.0.1,10.0.0.2".parse().unwrap();
        let settings = Settings::Config(Fixed::new(targets));
        Box::pin(Discovery::new(settings)).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_view_is_there_at_once_and_the_next_after_the_interval() {
        let mut watch = fixed().await.watch(Lookup::new("orders"), pace());
        let began = Instant::now();
        let first = watch.next_view().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(first.changes.added.len(), 2);
        let second = watch.next().await.unwrap();
        let passed = began.elapsed();
        // Timers have a resolution of milliseconds.
        assert!((1000..=1002).contains(&passed.as_millis()), "{passed:?}");
        assert!(second.changes.is_empty());
        assert!(second.is_complete());
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_and_waits_again_loses_no_time() {
        let mut watch = fixed().await.watch(Lookup::new("orders"), pace());
        watch.next_view().await;
        let began = Instant::now();
        for _ in 0..3 {
            assert!(watch.next_view().now_or_never().is_none());
            tokio::time::advance(Duration::from_millis(300)).await;
        }
        watch.next_view().await;
        let passed = began.elapsed();
        assert!((1000..=1002).contains(&passed.as_millis()), "{passed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_does_not_wait_and_what_was_changed_holds() {
        let mut watch = fixed().await.watch(Lookup::new("orders"), pace());
        watch.next_view().await;
        let began = Instant::now();
        watch.lookup.service_name = String::new();
        watch.pace.interval = Duration::from_secs(20);
        watch.look_now();
        let nameless = watch.next_view().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(matches!(nameless.outcome, Err(Error::Configuration(_))));
        watch.next_view().await;
        let passed = began.elapsed();
        assert!(
            (20_000..=20_002).contains(&passed.as_millis()),
            "{passed:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_changed_before_the_first_lookup_holds_for_it() {
        let mut watch = fixed().await.watch(Lookup::new(""), pace());
        watch.lookup = Lookup::new("orders");
        assert!(watch.next_view().await.is_complete());
    }

    #[tokio::test(start_paused = true)]
    async fn on_demand_it_looks_once_and_then_only_when_asked() {
        let mut watch = fixed()
            .await
            .watch(Lookup::new("orders"), Pace::on_demand());
        watch.next_view().await;
        for name in ["", "orders"] {
            assert!(watch.next_view().now_or_never().is_none());
            tokio::time::advance(Duration::from_hours(24 * 365)).await;
            assert!(watch.next_view().now_or_never().is_none());
            // A failure changes nothing about that.
            watch.lookup.service_name = name.to_owned();
            watch.look_now();
            let view = watch.next_view().now_or_never().unwrap();
            assert_eq!(view.is_complete(), !name.is_empty());
        }
    }
}
