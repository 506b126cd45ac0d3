//! The question, by datagram, whether a node is there: question and answer are sealed, and change nothing.
//!
//! Any node with the cluster's key answers, in a cluster or not, and whatever the clocks say. So this shows whether
//! datagrams get through in both directions. The answer goes to the sender of the question and is no longer than it.
//! A node gives a limited number of answers a second, and only one to each question: so a recorded question that is
//! repeated from a false address cannot flood anybody, and cannot use up the answers for others.

use serde::{Deserialize, Serialize};

use crate::{
    cluster::{ClusterId, ClusterName, NodeUid},
    seal::{Keyring, Nonce, Purpose, Scope, Unopened},
};

/// What a question says. It is as long as the longest answer, and no answer looks like it: without sealing, two nodes
/// could otherwise be made to answer each other for ever.
const QUESTION: [u8; 80] = [b'?'; 80];

/// What an answer begins with.
const ANSWER: u8 = b'!';

/// A question, with what is needed to recognise its answer.
#[derive(Debug, Clone)]
pub struct Question {
    nonce: Nonce,
    datagram: Vec<u8>,
    asked_at: u64,
}

/// What an answering node says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// The process that answers.
    pub uid: NodeUid,
    /// The cluster that it is in, or asks to be let into.
    pub cluster: Option<ClusterId>,
    /// When it answered, by its clock: milliseconds since 1970.
    pub stamp: u64,
}

/// Why a datagram is not the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEcho {
    /// It is not sealed with one of these keys, or sealed for something else.
    #[error("open the answer")]
    Sealed(#[source] Unopened),
    /// It makes no sense, or answers another question.
    #[error("match the answer to its question")]
    OtherQuestion,
}

/// The node that answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Me {
    pub(super) uid: NodeUid,
    pub(super) cluster: Option<ClusterId>,
}

/// The content of an answer, after [`ANSWER`]. The id is a number, since its text is twice as long.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    question: Nonce,
    uid: NodeUid,
    cluster: Option<u128>,
}

impl Question {
    /// Asks now: milliseconds since 1970. The nonce identifies the question.
    #[must_use]
    pub fn new(keyring: &Keyring, cluster: &ClusterName, now: u64, nonce: Nonce) -> Self {
        let scope = scope(cluster, Purpose::EchoQuestion);
        Self {
            nonce,
            datagram: keyring.seal(scope, &QUESTION, now, nonce),
            asked_at: now,
        }
    }

    /// What to send.
    #[must_use]
    pub fn datagram(&self) -> &[u8] {
        &self.datagram
    }

    /// When it was asked: milliseconds since 1970.
    #[must_use]
    pub fn asked_at(&self) -> u64 {
        self.asked_at
    }

    /// Reads the answer.
    ///
    /// # Errors
    ///
    /// When it is not an answer, or answers another question.
    pub fn read(
        &self,
        keyring: &Keyring,
        cluster: &ClusterName,
        datagram: &[u8],
    ) -> Result<Echo, NoEcho> {
        // Neither purpose expires, so it does not matter when it is opened.
        let opened = keyring
            .open(scope(cluster, Purpose::EchoAnswer), datagram, 0)
            .map_err(NoEcho::Sealed)?;
        let said: Said = opened
            .message
            .strip_prefix(&[ANSWER])
            .and_then(|said| postcard::from_bytes(said).ok())
            .ok_or(NoEcho::OtherQuestion)?;
        if said.question != self.nonce {
            return Err(NoEcho::OtherQuestion);
        }
        Ok(Echo {
            uid: said.uid,
            cluster: said.cluster.map(ClusterId),
            stamp: opened.stamp,
        })
    }
}

/// The nonce of the question, if the datagram is one.
pub(super) fn asked(keyring: &Keyring, cluster: &ClusterName, datagram: &[u8]) -> Option<Nonce> {
    let opened = keyring.open(scope(cluster, Purpose::EchoQuestion), datagram, 0);
    let opened = opened.ok()?;
    (opened.message == QUESTION).then_some(opened.nonce)
}

/// The answer, sealed at this time with this nonce.
pub(super) fn answer(
    keyring: &Keyring,
    cluster: &ClusterName,
    question: Nonce,
    me: Me,
    (now, nonce): (u64, Nonce),
) -> Vec<u8> {
    let said = Said {
        question,
        uid: me.uid,
        cluster: me.cluster.map(|id| id.0),
    };
    let said = postcard::to_stdvec(&said).expect("numbers can be written");
    let message = [&[ANSWER], said.as_slice()].concat();
    keyring.seal(scope(cluster, Purpose::EchoAnswer), &message, now, nonce)
}

/// For nodes in any cluster with the name, and in none.
fn scope(cluster: &ClusterName, purpose: Purpose) -> Scope<'_> {
    Scope {
        purpose,
        cluster,
        id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const ME: Me = Me {
        uid: NodeUid(u64::MAX),
        cluster: Some(ClusterId(u128::MAX)),
    };

    fn keyring(secret: &str) -> Keyring {
        Keyring::from_secrets(&[format!("{secret} that only these tests use, ever")]).unwrap()
    }

    fn name(name: &str) -> ClusterName {
        name.parse().unwrap()
    }

    fn answered(keyring: &Keyring, question: &Question, at: u64) -> Vec<u8> {
        let nonce = asked(keyring, &name("orders"), question.datagram()).unwrap();
        answer(keyring, &name("orders"), nonce, ME, (at, Nonce([9; 24])))
    }

    #[test]
    fn whoever_has_the_key_answers_and_says_what_its_clock_says() {
        let (keyring, orders) = (keyring("a key"), name("orders"));
        let question = Question::new(&keyring, &orders, NOW, Nonce([1; 24]));
        let an_hour_later = NOW + 3_600_000;
        let answer = answered(&keyring, &question, an_hour_later);
        let echo = question.read(&keyring, &orders, &answer).unwrap();
        let expected = Echo {
            uid: ME.uid,
            cluster: ME.cluster,
            stamp: an_hour_later,
        };
        assert_eq!(echo, expected);
    }

    #[test]
    fn no_answer_is_longer_than_its_question() {
        for keyring in [keyring("a key"), Keyring::unsealed()] {
            let question = Question::new(&keyring, &name("orders"), NOW, Nonce([1; 24]));
            let answer = answered(&keyring, &question, NOW);
            assert!(answer.len() <= question.datagram().len());
        }
    }

    #[test]
    fn nobody_else_asks_or_answers() {
        let (own, other) = (keyring("a key"), keyring("another key"));
        let orders = name("orders");
        let question = Question::new(&own, &orders, NOW, Nonce([1; 24]));
        assert_eq!(asked(&other, &orders, question.datagram()), None);
        assert_eq!(asked(&own, &name("billing"), question.datagram()), None);
        let forged = answer(&other, &orders, Nonce([1; 24]), ME, (NOW, Nonce([2; 24])));
        let error = question.read(&own, &orders, &forged).unwrap_err();
        assert_eq!(error, NoEcho::Sealed(Unopened::UnknownKey));
        // A recorded answer is that of another question.
        let recorded = answered(&own, &question, NOW);
        let next = Question::new(&own, &orders, NOW, Nonce([2; 24]));
        let error = next.read(&own, &orders, &recorded).unwrap_err();
        assert_eq!(error, NoEcho::OtherQuestion);
    }

    #[test]
    fn an_answer_is_never_answered() {
        for keyring in [keyring("a key"), Keyring::unsealed()] {
            let question = Question::new(&keyring, &name("orders"), NOW, Nonce([1; 24]));
            let answer = answered(&keyring, &question, NOW);
            assert_eq!(asked(&keyring, &name("orders"), &answer), None);
        }
    }
}
