//! How often AWS is asked about progress.

use std::time::Duration;

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// After this many looks in a row without an answer, there will be none.
const MOST_SILENCES: u32 = 6;

/// What came of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// An answer.
    Answered,
    /// Others ask as well, and it was too much.
    Throttled,
    /// None, or none of use. What was begun goes on in AWS all the same.
    Silent,
}

/// The pauses between looks.
#[derive(Debug)]
pub(super) struct Pace {
    usual: Duration,
    pause: Duration,
    silences: u32,
}

impl Pace {
    pub(super) fn new(usual: Duration) -> Self {
        Self {
            usual,
            pause: usual,
            silences: 0,
        }
    }

    /// How long to wait before the next look; none where there should be no other.
    pub(super) fn after(&mut self, look: Look) -> Option<Duration> {
        match look {
            Look::Answered => {
                self.silences = 0;
                self.pause = self.usual;
            }
            Look::Throttled => {
                self.silences = 0;
                self.slow_down();
            }
            Look::Silent => {
                self.silences += 1;
                self.slow_down();
            }
        }
        (self.silences < MOST_SILENCES).then_some(self.pause)
    }

    fn slow_down(&mut self) {
        self.pause = LONGEST.min(self.pause * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_secs(4);

    #[test]
    fn who_is_throttled_asks_ever_less_and_again_as_usual_once_answered() {
        let mut pace = Pace::new(USUAL);

        let pauses = [
            Look::Answered,
            Look::Throttled,
            Look::Throttled,
            Look::Throttled,
            Look::Throttled,
            Look::Throttled,
            Look::Answered,
        ]
        .map(|look| pace.after(look).unwrap().as_secs());

        assert_eq!(pauses, [4, 8, 16, 32, 60, 60, 4]);
    }

    #[test]
    fn throttling_has_no_end_and_silence_has_one() {
        let mut pace = Pace::new(USUAL);
        for _ in 0..100 {
            assert!(pace.after(Look::Throttled).is_some());
        }

        let mut pace = Pace::new(USUAL);
        for _ in 1..MOST_SILENCES {
            assert!(pace.after(Look::Silent).is_some());
        }
        assert_eq!(pace.after(Look::Silent), None);
    }

    #[test]
    fn an_answer_ends_a_silence() {
        let mut pace = Pace::new(USUAL);
        for _ in 0..10 {
            for _ in 1..MOST_SILENCES {
                assert!(pace.after(Look::Silent).is_some());
            }
            assert_eq!(pace.after(Look::Answered), Some(USUAL));
        }
    }
}
