//! How many nodes the deployment should run, as far as this node knows.
//!
//! The number is learnt over time: the platform may not tell it yet, tells another number while the service is
//! scaled, and tells it to some nodes later than to others. A number that is too high only costs time; one that is
//! too low may lead to a second cluster. So a higher number counts at once, and a lower one only after it has been
//! stable.

use std::time::{Duration, Instant};

/// How long a lower number must have been told before it counts, and how long a higher one counts that another node
/// has said.
pub const STEADY: Duration = Duration::from_secs(30);

/// How long a denied call or a missing service counts as "not yet". In a new stack, permissions take seconds to
/// become effective.
pub const GRACE: Duration = Duration::from_secs(15);

/// How long an unanswered call counts as "not yet" while lists are answered: the number may come from another AWS
/// service, and a network may reach only one of the two.
pub const UNANSWERED_GRACE: Duration = Duration::from_secs(60);

/// How many nodes the deployment should run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// It is being asked for; nothing is founded until there is an answer.
    Asking,
    /// Known, by configuration, from the platform or from another node.
    Known(usize),
    /// Unknown. Then safety depends on the number of participants and the stable margin.
    Unknown,
}

/// What the platform answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// This many nodes, and not zero.
    Nodes(usize),
    /// It denies the number, does not know the service, or wants no nodes: perhaps only for now.
    Nothing,
    /// It will never say.
    Never,
    /// It throttles: ask again.
    Throttled,
    /// It cannot be reached, or gives no valid answer: ask again, but do not wait for ever.
    Unanswered,
}

/// What is known about the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Expected {
    own: Own,
    /// The highest number that another node said, and when it last said it.
    heard: Option<(usize, Instant)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Own {
    /// Configured, or known to stay unknown.
    Fixed(Option<usize>),
    Learnt {
        number: Option<usize>,
        /// A lower number, and since when it has been told.
        lower: Option<(usize, Instant)>,
        /// Since when the platform has told no number.
        nothing_since: Option<Instant>,
        /// Since when the question has had no answer, while lists were answered.
        unanswered_since: Option<Instant>,
        /// The first and the last time that it was asked in vain.
        in_vain: Option<(Instant, Instant)>,
    },
}

impl Expected {
    /// As configured: known, unknown, or to be asked for.
    #[must_use]
    pub fn new(configured: Expectation) -> Self {
        let own = match configured {
            Expectation::Known(number) => Own::Fixed(Some(number)),
            Expectation::Unknown => Own::Fixed(None),
            Expectation::Asking => Own::Learnt {
                number: None,
                lower: None,
                nothing_since: None,
                unanswered_since: None,
                in_vain: None,
            },
        };
        Self { own, heard: None }
    }

    /// Notes what the platform said at `now`.
    pub fn told(&mut self, now: Instant, told: Told) {
        let Own::Learnt {
            number,
            lower,
            nothing_since,
            unanswered_since,
            in_vain,
        } = &mut self.own
        else {
            return;
        };
        if told != Told::Unanswered {
            *unanswered_since = None;
        }
        if matches!(told, Told::Nothing | Told::Throttled | Told::Unanswered) {
            let first = in_vain.map_or(now, |(first, _)| first);
            *in_vain = Some((first, now));
        }
        match told {
            Told::Nodes(told) if number.is_none_or(|number| number <= told) => {
                (*number, *lower, *nothing_since) = (Some(told), None, None);
            }
            Told::Nodes(told) => {
                let since = match *lower {
                    Some((before, since)) if before == told => since,
                    Some(_) | None => now,
                };
                *lower = Some((told, since));
                if STEADY <= now.saturating_duration_since(since) {
                    (*number, *lower) = (Some(told), None);
                }
            }
            Told::Nothing => {
                nothing_since.get_or_insert(now);
            }
            Told::Never => self.own = Own::Fixed(*number),
            Told::Throttled => {}
            Told::Unanswered => {
                unanswered_since.get_or_insert(now);
            }
        }
    }

    /// Notes that no list could be read: then a missing number is no surprise, and says nothing.
    pub fn no_list(&mut self) {
        if let Own::Learnt {
            unanswered_since, ..
        } = &mut self.own
        {
            *unanswered_since = None;
        }
    }

    /// Notes the number that another node said at `now` that it was told.
    pub fn heard(&mut self, now: Instant, number: usize) {
        if self.in_force(now).is_none_or(|heard| heard <= number) {
            self.heard = Some((number, now));
        }
    }

    /// Notes how many members a member sees at `now`: if the number is known, it must be at least that high.
    pub fn saw(&mut self, now: Instant, members: usize) {
        if self.own().is_some() {
            self.heard(now, members);
        }
    }

    /// The number that this node was told itself. It tells others only this one, so that no number survives because
    /// two nodes repeat it to each other.
    #[must_use]
    pub fn own(&self) -> Option<usize> {
        match self.own {
            Own::Fixed(number) | Own::Learnt { number, .. } => number,
        }
    }

    /// Whether this node does not know the number, and may soon. Not if it has asked in vain repeatedly for
    /// [`GRACE`].
    #[must_use]
    pub fn is_untold(&self) -> bool {
        match self.own {
            Own::Learnt {
                number: None,
                in_vain,
                ..
            } => in_vain.is_none_or(|(first, last)| last.duration_since(first) < GRACE),
            Own::Learnt { .. } | Own::Fixed(_) => false,
        }
    }

    /// When it will have asked in vain for [`GRACE`], if it gets no number before: then ask once more, so that this
    /// node stops waiting as soon as possible.
    #[must_use]
    pub fn last_chance(&self) -> Option<Instant> {
        match self.own {
            Own::Learnt {
                number: None,
                in_vain: Some((first, _)),
                ..
            } if self.is_untold() => Some(first + GRACE),
            Own::Learnt { .. } | Own::Fixed(_) => None,
        }
    }

    /// The number that counts at `now`: the highest that was told or heard.
    #[must_use]
    pub fn expectation(&self, now: Instant) -> Expectation {
        if let Some(number) = self.own().max(self.in_force(now)) {
            return Expectation::Known(number);
        }
        match self.own {
            Own::Fixed(_) => Expectation::Unknown,
            Own::Learnt {
                nothing_since,
                unanswered_since,
                ..
            } => {
                let has_lasted = |since: Option<Instant>, grace| {
                    since.is_some_and(|since| grace <= now.saturating_duration_since(since))
                };
                if has_lasted(nothing_since, GRACE)
                    || has_lasted(unanswered_since, UNANSWERED_GRACE)
                {
                    Expectation::Unknown
                } else {
                    Expectation::Asking
                }
            }
        }
    }

    fn in_force(&self, now: Instant) -> Option<usize> {
        let (number, at) = self.heard?;
        (now.saturating_duration_since(at) < STEADY).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    fn asking() -> (Expected, Instant) {
        (Expected::new(Expectation::Asking), clock::now())
    }

    #[test]
    fn a_higher_number_counts_at_once_and_a_lower_one_when_it_has_been_steady() {
        let (mut expected, now) = asking();
        for (secs, told, counts) in [
            (0, 10, 10),
            (1, 3, 10),
            (20, 3, 10),
            (31, 3, 3),
            (32, 5, 5),
            (33, 4, 5),
            (50, 3, 5),
            (70, 3, 5),
            (80, 3, 3),
        ] {
            let now = now + secs * SECOND;
            expected.told(now, Told::Nodes(told));
            assert_eq!(expected.own(), Some(counts), "after {secs} s");
        }
    }

    #[test]
    fn nothing_is_not_yet_for_a_while_and_unknown_after_it() {
        let (mut expected, now) = asking();
        assert_eq!(expected.expectation(now + GRACE), Expectation::Asking);
        expected.told(now, Told::Nothing);
        expected.told(now + GRACE / 2, Told::Nothing);
        assert_eq!(expected.expectation(now + GRACE / 2), Expectation::Asking);
        assert_eq!(expected.expectation(now + GRACE), Expectation::Unknown);
        expected.told(now + GRACE, Told::Nodes(3));
        assert_eq!(expected.expectation(now + GRACE), Expectation::Known(3));
        expected.told(now + 2 * GRACE, Told::Nothing);
        assert_eq!(expected.expectation(now + 9 * GRACE), Expectation::Known(3));
    }

    #[test]
    fn no_answer_is_not_yet_for_a_minute_in_which_lists_are_answered() {
        let (mut expected, now) = asking();
        let later = now + UNANSWERED_GRACE;
        expected.told(now, Told::Unanswered);
        expected.told(now + GRACE, Told::Unanswered);
        assert_eq!(expected.expectation(later - SECOND), Expectation::Asking);
        assert_eq!(expected.expectation(later), Expectation::Unknown);
        expected.told(later, Told::Nodes(3));
        assert_eq!(expected.expectation(later), Expectation::Known(3));

        for interrupted in [Expected::no_list, |expected: &mut Expected| {
            expected.told(clock::now(), Told::Throttled);
        }] {
            let (mut expected, now) = asking();
            expected.told(now, Told::Unanswered);
            interrupted(&mut expected);
            expected.told(now + GRACE, Told::Unanswered);
            let later = now + UNANSWERED_GRACE;
            assert_eq!(expected.expectation(later), Expectation::Asking);
            assert_eq!(expected.expectation(later + GRACE), Expectation::Unknown);
        }
    }

    #[test]
    fn as_many_as_are_seen_are_expected_where_there_is_a_number_at_all() {
        let now = clock::now();
        for (configured, counts) in [
            (Expectation::Known(3), Expectation::Known(9)),
            (Expectation::Unknown, Expectation::Unknown),
        ] {
            let mut expected = Expected::new(configured);
            expected.saw(now, 9);
            expected.saw(now, 2);
            assert_eq!(expected.expectation(now), counts);
            assert_eq!(expected.expectation(now + STEADY), configured);
        }
    }

    #[test]
    fn who_is_not_told_may_still_be_for_a_while_only() {
        for told in [Told::Nothing, Told::Throttled, Told::Unanswered] {
            let (mut expected, now) = asking();
            assert!(expected.is_untold(), "it has not asked");
            expected.told(now, told);
            expected.heard(now, 5);
            expected.told(now + GRACE / 2, told);
            assert!(expected.is_untold(), "{told:?}");
            assert_eq!(expected.last_chance(), Some(now + GRACE));
            expected.told(now + GRACE, told);
            assert!(!expected.is_untold(), "{told:?}");
            assert_eq!(expected.last_chance(), None);
        }
        let (mut expected, now) = asking();
        expected.told(now, Told::Nodes(3));
        assert!(!expected.is_untold());
        for configured in [Expectation::Known(3), Expectation::Unknown] {
            assert!(!Expected::new(configured).is_untold());
        }
    }

    #[test]
    fn who_will_never_be_told_knows_it_at_once() {
        let (mut expected, now) = asking();
        expected.told(now, Told::Never);
        assert_eq!(expected.expectation(now), Expectation::Unknown);
    }

    #[test]
    fn the_highest_number_heard_counts_for_a_while_and_is_not_told_on() {
        for configured in [
            Expectation::Asking,
            Expectation::Known(3),
            Expectation::Unknown,
        ] {
            let (mut expected, now) = (Expected::new(configured), clock::now());
            let own = expected.own();
            expected.heard(now, 7);
            expected.heard(now + SECOND, 5);
            assert_eq!(expected.expectation(now + SECOND), Expectation::Known(7));
            assert_eq!(expected.own(), own);
            assert_eq!(expected.expectation(now + STEADY), configured);
            expected.heard(now + STEADY, 5);
            assert_eq!(expected.expectation(now + STEADY), Expectation::Known(5));
        }
    }
}
