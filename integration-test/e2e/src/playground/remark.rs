//! What is new in a node's answers: sentences for the timeline, and reasons.

use super::voice::{Alarm, Formation, Members, Phase, Voice};

/// Something that a node says for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remark {
    /// It waits; for what, in its own words.
    Waits(String),
    /// It asks the others to consent to a new cluster: this many must.
    Founds(usize),
    /// It asks to be let in.
    Joins(Formation),
    /// It is a member, and was in no cluster before.
    IsMember(Formation),
    /// It is a member of another cluster than before.
    WentOver(Formation),
    /// Its last lookup gave no complete view; the reason in its own words.
    LookedInVain(String),
    /// Another is a member now.
    Came(String),
    /// A member left.
    Left(String),
    /// A member that did not answer was removed.
    Removed(String),
    /// A member does not answer.
    Lost(String),
    /// It does again.
    Found(String),
    /// The leader.
    Leads(String),
    /// It is now on the smaller side of a split, or no longer.
    Minority(bool),
    /// Another cluster of this name exists.
    Rival(Alarm),
}

/// What is new, in the order in which it is told.
#[must_use]
pub(super) fn remarks(before: Option<&Voice>, after: &Voice) -> Vec<Remark> {
    let mut told = Vec::new();
    bootstrap(before, after, &mut told);
    let was = before.map(|voice| &voice.members);
    members(was, &after.members, &mut told);
    told
}

fn bootstrap(before: Option<&Voice>, after: &Voice, told: &mut Vec<Remark>) {
    let was = before.map(|voice| &voice.bootstrap);
    let now = &after.bootstrap;
    let lookup = now.last_lookup.as_ref();
    if let Some(lookup) = lookup
        && lookup.completeness == "failed"
        && was.and_then(|was| was.last_lookup.as_ref()) != Some(lookup)
        && let Some(reason) = lookup.reasons.first()
    {
        told.push(Remark::LookedInVain(reason.clone()));
    }
    let is_new_phase = was.is_none_or(|was| was.phase != now.phase);
    match now.phase {
        Phase::Waiting if was.is_none_or(|was| was.message != now.message) => {
            told.push(Remark::Waits(now.message.clone()));
        }
        Phase::Founding if is_new_phase => told.push(Remark::Founds(now.quorum)),
        Phase::Joining if is_new_phase => {
            told.extend(now.formation.clone().map(Remark::Joins));
        }
        Phase::Waiting | Phase::Founding | Phase::Joining | Phase::Member => {}
    }
    let known = was.map_or(0, |was| was.alarms.len()).min(now.alarms.len());
    let new_alarms = now.alarms[known..].iter().cloned();
    told.extend(new_alarms.map(Remark::Rival));
}

fn members(was: Option<&Members>, now: &Members, told: &mut Vec<Remark>) {
    let Some(cluster) = &now.cluster else {
        return;
    };
    let was = was.filter(|was| was.cluster.is_some());
    let Some(was) = was else {
        told.push(Remark::IsMember(cluster.clone()));
        told.extend(now.leader.clone().map(Remark::Leads));
        return;
    };
    if was.cluster.as_ref() != Some(cluster) {
        told.push(Remark::WentOver(cluster.clone()));
        told.extend(now.leader.clone().map(Remark::Leads));
        return;
    }
    for member in &now.members {
        match (was.sees(&member.node), now.sees(&member.node)) {
            (None, _) => told.push(Remark::Came(member.node.clone())),
            (Some(true), Some(false)) => told.push(Remark::Lost(member.node.clone())),
            (Some(false), Some(true)) => told.push(Remark::Found(member.node.clone())),
            _ => {}
        }
    }
    for member in &was.members {
        if now.sees(&member.node).is_none() {
            let answered = was.sees(&member.node) == Some(true);
            told.push(if answered {
                Remark::Left(member.node.clone())
            } else {
                Remark::Removed(member.node.clone())
            });
        }
    }
    if was.leader != now.leader {
        told.extend(now.leader.clone().map(Remark::Leads));
    }
    if was.minority.is_some() != now.minority.is_some() {
        told.push(Remark::Minority(now.minority.is_some()));
    }
}

impl Remark {
    /// As a sentence. `name` gives names to the addresses in a text.
    #[must_use]
    pub(super) fn text(&self, name: impl Fn(&str) -> String) -> String {
        match self {
            Self::Waits(message) => name(message),
            Self::Founds(quorum) => {
                format!("asks the others to vote for a new cluster: {quorum} must consent")
            }
            Self::Joins(cluster) => format!("asks to be let into cluster {}", cluster.brief()),
            Self::IsMember(cluster) => format!("“I am a member of cluster {}”", cluster.brief()),
            Self::WentOver(cluster) => format!("“I joined the older cluster {}”", cluster.brief()),
            Self::LookedInVain(reason) => format!("no complete answer from AWS: {}", name(reason)),
            Self::Came(node) => format!("{} is a member", name(node)),
            Self::Left(node) => format!("{} has left", name(node)),
            Self::Removed(node) => format!("{} was removed", name(node)),
            Self::Lost(node) => format!("{} does not answer", name(node)),
            Self::Found(node) => format!("{} answers again", name(node)),
            Self::Leads(node) => format!("{} leads", name(node)),
            Self::Minority(true) => "“I am on the smaller side of a split”".to_owned(),
            Self::Minority(false) => "“I reach a majority again”".to_owned(),
            Self::Rival(Alarm { older, younger }) => format!(
                "another cluster with this name exists: {} is older than {}",
                older.brief(),
                younger.brief()
            ),
        }
    }

    /// The reason, for people who see this for the first time.
    #[must_use]
    pub(super) fn why(&self) -> Option<&'static str> {
        match self {
            Self::Waits(_) | Self::Joins(_) | Self::Came(_) | Self::Found(_) => None,
            Self::Founds(_) => Some(
                "A majority of the desired nodes must consent. Two majorities have a node \
                 in common, so there cannot be two clusters.",
            ),
            Self::IsMember(_) => {
                Some("From now on nodes learn about each other by gossip, and hardly ask AWS.")
            }
            Self::WentOver(_) => {
                Some("Of two clusters with the same name, the younger joins the older.")
            }
            Self::LookedInVain(_) => Some(
                "It asks again, less and less often. Members do not need AWS; only new nodes \
                 need it, to find a member.",
            ),
            Self::Left(_) => Some(
                "It was asked to stop and told the others that it leaves, so they did not have to wait.",
            ),
            Self::Removed(_) => Some(
                "A member that is silent for some seconds is removed, so that the cluster can \
                 continue. It may come back.",
            ),
            Self::Lost(_) => Some(
                "Members probe each other all the time. When one does not answer, five others are \
                 asked to probe it, too. Only if none of them reaches it is it unreachable.",
            ),
            Self::Leads(_) => Some(
                "Always the member with the lowest address. All see the same members, \
                 so no election is needed.",
            ),
            Self::Minority(true) => Some(
                "It reaches fewer than half of the desired nodes. It continues, but reports that \
                 it is not ready, so that load balancers send it no requests.",
            ),
            Self::Minority(false) => Some("It is ready again."),
            Self::Rival(_) => Some(
                "Each was founded by nodes that could not see the others. The members of the \
                 younger join the older by themselves.",
            ),
        }
    }

    /// Whether it is bad news.
    #[must_use]
    pub(super) fn is_bad(&self) -> bool {
        match self {
            Self::LookedInVain(_)
            | Self::Removed(_)
            | Self::Lost(_)
            | Self::Minority(true)
            | Self::Rival(_) => true,
            Self::Waits(_)
            | Self::Founds(_)
            | Self::Joins(_)
            | Self::IsMember(_)
            | Self::WentOver(_)
            | Self::Came(_)
            | Self::Left(_)
            | Self::Found(_)
            | Self::Leads(_)
            | Self::Minority(false) => false,
        }
    }
}

impl Formation {
    /// The beginning of its id, which tells it from others.
    #[must_use]
    pub(super) fn brief(&self) -> &str {
        self.id.get(..8).unwrap_or(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playground::testing::{cluster, member, minor, outside, uri};

    fn told(before: &Voice, after: &Voice) -> Vec<Remark> {
        remarks(Some(before), after)
    }

    #[test]
    fn a_node_that_says_the_same_says_nothing_new() {
        for voice in [outside("it waits"), member('a', &[1, 2], &[3])] {
            assert_eq!(told(&voice, &voice), []);
        }
    }

    #[test]
    fn the_way_into_a_cluster_is_told_step_by_step() {
        let waits = outside("2 needed");
        assert_eq!(
            remarks(None, &waits),
            [Remark::Waits("2 needed".to_owned())]
        );
        let mut founds = waits.clone();
        founds.bootstrap.phase = Phase::Founding;
        assert_eq!(told(&waits, &founds), [Remark::Founds(3)]);
        let mut joins = waits.clone();
        joins.bootstrap.phase = Phase::Joining;
        joins.bootstrap.formation = Some(cluster('a'));
        assert_eq!(told(&waits, &joins), [Remark::Joins(cluster('a'))]);
        // The others that it sees now need no entry.
        assert_eq!(
            told(&joins, &member('a', &[1, 2, 3], &[])),
            [Remark::IsMember(cluster('a')), Remark::Leads(uri(1))]
        );
    }

    #[test]
    fn a_member_that_falls_silent_is_lost_then_removed_and_another_leads() {
        let all = member('a', &[1, 2, 3], &[]);
        let lost = member('a', &[2, 3], &[1]);
        let gone = member('a', &[2, 3], &[]);
        assert_eq!(
            told(&all, &lost),
            [Remark::Lost(uri(1)), Remark::Leads(uri(2))]
        );
        assert_eq!(told(&lost, &gone), [Remark::Removed(uri(1))]);
        assert_eq!(
            told(&lost, &all),
            [Remark::Found(uri(1)), Remark::Leads(uri(1))]
        );
        assert_eq!(
            told(&gone, &all),
            [Remark::Came(uri(1)), Remark::Leads(uri(1))]
        );
    }

    #[test]
    fn who_says_good_bye_has_left() {
        let all = member('a', &[1, 2, 3], &[]);
        assert_eq!(
            told(&all, &member('a', &[1, 2], &[])),
            [Remark::Left(uri(3))]
        );
    }

    #[test]
    fn the_smaller_side_another_cluster_and_going_over_are_told() {
        let before = member('b', &[4, 5], &[]);
        let small = minor('b', &[4, 5]);
        assert_eq!(told(&before, &small), [Remark::Minority(true)]);
        assert_eq!(told(&small, &before), [Remark::Minority(false)]);

        let mut rival = before.clone();
        let alarm = Alarm {
            older: cluster('a'),
            younger: cluster('b'),
        };
        rival.bootstrap.alarms.push(alarm.clone());
        assert_eq!(told(&before, &rival), [Remark::Rival(alarm)]);
        assert_eq!(
            told(&before, &member('a', &[1, 4, 5], &[])),
            [Remark::WentOver(cluster('a')), Remark::Leads(uri(1))]
        );
    }

    #[test]
    fn a_lookup_that_failed_is_told_once() {
        let before = outside("it waits");
        let mut failed = before.clone();
        failed.bootstrap.last_lookup = Some(super::super::voice::LastLookup {
            completeness: "failed".to_owned(),
            reasons: vec!["access denied".to_owned()],
            targets: 0,
        });
        let vain = [Remark::LookedInVain("access denied".to_owned())];
        assert_eq!(told(&before, &failed), vain);
        assert_eq!(told(&failed, &failed), []);
    }
}
