//! How `foca` behaves in a cluster of a given size.

use std::num::{NonZeroU32, NonZeroUsize};

use foca::PeriodicParams;

use super::channel::PACKET_LIMIT;
use crate::membership::local::Timing;

/// How much more often news is passed on than by `foca`'s default. Each repetition makes it nearly three times less
/// likely that a member never hears the news, and costs something only when there are changes.
const EXTRA_TRANSMISSIONS: u8 = 8;

/// How many members are asked to probe one that did not answer. With five instead of three, losing one datagram in
/// ten causes an eighth of the false alarms.
const INDIRECT_PROBES: NonZeroUsize = positive(5);

/// To how many members news is passed on at a time.
const GOSSIP_FANOUT: NonZeroUsize = positive(3);

/// The configuration for this many members, including this node.
pub(super) fn config(timing: &Timing, size: usize) -> foca::Config {
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    let size = NonZeroU32::new(size).unwrap_or(NonZeroU32::MIN);
    let patience = f64::from(size.get()).log10().max(1.0);
    foca::Config {
        probe_period: timing.probe_period,
        probe_rtt: timing.probe_rtt,
        num_indirect_probes: INDIRECT_PROBES,
        max_transmissions: foca::Config::new_lan(size)
            .max_transmissions
            .saturating_add(EXTRA_TRANSMISSIONS),
        suspect_to_down_after: timing.suspicion.mul_f64(patience),
        remove_down_after: Some(timing.memory),
        max_packet_size: positive(PACKET_LIMIT),
        notify_down_members: true,
        periodic_announce: Some(PeriodicParams {
            frequency: timing.announce_period,
            num_members: NonZeroUsize::MIN,
        }),
        // Otherwise it would also try peers that left: see `absent.rs`.
        periodic_announce_to_down_members: None,
        periodic_gossip: Some(PeriodicParams {
            frequency: timing.gossip_period,
            num_members: GOSSIP_FANOUT,
        }),
    }
}

const fn positive(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("the constants here are not 0")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn patience_and_effort_grow_with_the_logarithm_of_the_size() {
        let at = |size| {
            let config = config(&Timing::lan(), size);
            let patience = config.suspect_to_down_after.as_secs_f64();
            (patience.round(), config.max_transmissions.get())
        };
        assert_eq!(at(0), (3.0, 9));
        assert_eq!(at(10), (3.0, 12));
        assert_eq!(at(50), (5.0, 14));
        assert_eq!(at(1000), (9.0, 20));
    }

    #[test]
    fn any_two_sizes_may_follow_each_other() {
        let timing = Timing::lan();
        let (small, large) = (config(&timing, 1), config(&timing, 1000));
        assert_eq!(small.probe_period, large.probe_period);
        assert!(2 * small.probe_rtt < small.probe_period);
        assert!(Duration::ZERO < small.suspect_to_down_after);
    }
}
