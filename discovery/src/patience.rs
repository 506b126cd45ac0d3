//! Repeats a call that AWS throttles.

use std::time::Duration;

use crate::{Error, OnThrottle};

/// The first pause of a lookup that must read the whole list (`OnThrottle::MakeAgain`).
const FIRST: Duration = Duration::from_millis(250);

/// The longest pause, and the first pause of other lookups.
const LONGEST: Duration = Duration::from_secs(1);

/// How one call is repeated, if it is. The caller limits the time.
#[derive(Debug)]
pub(crate) struct Patience {
    makes_again: bool,
    pause: Duration,
}

/// Which call of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    First,
    Later,
}

impl Patience {
    pub(crate) fn new(on_throttle: OnThrottle, call: Which) -> Self {
        Self {
            makes_again: match on_throttle {
                OnThrottle::GiveUp => false,
                OnThrottle::GoOn => call == Which::Later,
                OnThrottle::MakeAgain => true,
            },
            pause: match on_throttle {
                OnThrottle::MakeAgain => FIRST,
                OnThrottle::GiveUp | OnThrottle::GoOn => LONGEST,
            },
        }
    }

    /// How long to wait before the call is repeated, if it is. Each pause is twice as long as the one before.
    pub(crate) fn pause_after<T>(&mut self, result: &Result<T, Error>) -> Option<Duration> {
        match result {
            Err(Error::Throttled { .. }) if self.makes_again => {
                let pause = self.pause;
                self.pause = LONGEST.min(pause * 2);
                Some(pause)
            }
            Ok(_) | Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Attempt;

    fn pauses(on_throttle: OnThrottle, call: Which) -> Vec<Option<u128>> {
        let mut patience = Patience::new(on_throttle, call);
        let throttled = || {
            Err::<(), _>(Error::Throttled {
                attempt: Attempt {
                    action: "ecs:ListTasks",
                    what: "listing".to_owned(),
                },
                source: "Rate exceeded".into(),
            })
        };
        (0..5)
            .map(|_| Some(patience.pause_after(&throttled())?.as_millis()))
            .collect()
    }

    #[test]
    fn pauses_grow_to_a_second() {
        let grow = [250, 500, 1000, 1000, 1000].map(Some);
        for call in [Which::First, Which::Later] {
            assert_eq!(pauses(OnThrottle::MakeAgain, call), grow);
            assert_eq!(pauses(OnThrottle::GiveUp, call), [None; 5]);
        }
        assert_eq!(pauses(OnThrottle::GoOn, Which::First), [None; 5]);
        let later = pauses(OnThrottle::GoOn, Which::Later);
        assert_eq!(later, [Some(1000); 5]);
    }

    #[test]
    fn what_was_answered_is_not_asked_again() {
        let mut patience = Patience::new(OnThrottle::MakeAgain, Which::Later);
        assert_eq!(patience.pause_after(&Ok(())), None);
    }
}
