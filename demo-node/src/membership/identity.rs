//! What tells members apart, and what each says of itself.
//!
//! An identity is an address and a generation. A process starts with the time as its generation, so
//! that it wins over a former one at its address; it takes a higher one whenever the others
//! have taken it for dead and it wants back in.

use std::{collections::BTreeSet, fmt, net::SocketAddr, sync::Arc};

use foca::{Codec, Header, State};
use serde::{Deserialize, Serialize};

use crate::cluster::NodeUid;

/// The longest step from one generation to the next: 50 days, in milliseconds.
const STEP_LIMIT: u64 = 1 << 32;

/// A member, as the protocol knows it. Equal are those of one address and generation.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) node: SocketAddr,
    pub(super) generation: u64,
    /// Goes of its own accord, and will not come back.
    pub(super) leaving: bool,
    /// Everyone that is in the cluster has this; who is merely written to, or dead, need not.
    #[serde(skip)]
    pub(super) about: Option<Arc<About>>,
    /// How far the next generation is from this one. Known only of oneself.
    #[serde(skip)]
    step: u64,
}

/// What a node says of itself. It does not change while its process lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) management: SocketAddr,
    pub(super) uid: NodeUid,
    pub(super) started_at: u64,
    pub(super) roles: BTreeSet<String>,
    pub(super) version: String,
    pub(super) zone: Option<String>,
}

impl Identity {
    /// A process that has just started.
    pub(super) fn new(node: SocketAddr, about: About) -> Self {
        Self {
            node,
            generation: about.started_at,
            leaving: false,
            about: Some(Arc::new(about)),
            step: 1,
        }
    }

    /// Whoever is at an address.
    pub(super) fn anyone_at(node: SocketAddr) -> Self {
        Self {
            node,
            generation: 0,
            leaving: false,
            about: None,
            step: 1,
        }
    }

    /// The same node, about to leave.
    pub(super) fn leaving(&self) -> Self {
        Self {
            generation: self.generation.saturating_add(1),
            leaving: true,
            ..self.clone()
        }
    }
}

impl foca::Identity for Identity {
    type Addr = SocketAddr;

    /// Who is leaving does not come back. Others come back under a higher generation.
    ///
    /// A former process at this address may have had one higher still, where the clock was set
    /// back: so each step is twice the last, and an hour's difference takes 22 of them.
    fn renew(&self) -> Option<Self> {
        if self.leaving {
            return None;
        }
        Some(Self {
            generation: self.generation.saturating_add(self.step),
            step: (2 * self.step).min(STEP_LIMIT),
            ..self.clone()
        })
    }

    fn addr(&self) -> SocketAddr {
        self.node
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        adversary.generation < self.generation
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        (self.node, self.generation) == (other.node, other.generation)
    }
}

impl Eq for Identity {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.node, self.generation)
    }
}

/// How the protocol's messages are written.
///
/// What a node says of itself travels with its own messages, and with news of it that is not news
/// of its death. Everywhere else address and generation are enough.
#[derive(Debug)]
pub(super) struct Wire;

impl Wire {
    /// Writes a whole message of the protocol.
    pub(super) fn write(
        header: &Header<Identity>,
        updates: &[foca::Member<Identity>],
    ) -> Result<Vec<u8>, postcard::Error> {
        let count = u16::try_from(updates.len());
        let count = count.map_err(|_too_many| postcard::Error::SerializeBufferFull)?;
        let mut bytes = Vec::new();
        Self.encode_header(header, &mut bytes)?;
        bytes.extend(count.to_be_bytes());
        bytes.extend(Self::write_all(updates.iter())?);
        Ok(bytes)
    }

    /// Writes several members one after the other.
    pub(super) fn write_all<'a>(
        members: impl Iterator<Item = &'a foca::Member<Identity>>,
    ) -> Result<Vec<u8>, postcard::Error> {
        let mut bytes = Vec::new();
        for member in members {
            Self.encode_member(member, &mut bytes)?;
        }
        Ok(bytes)
    }

    /// Reads several members one after the other.
    pub(super) fn read_all(
        mut bytes: &[u8],
    ) -> Result<Vec<foca::Member<Identity>>, postcard::Error> {
        let mut members = Vec::new();
        while !bytes.is_empty() {
            members.push(Self.decode_member(&mut bytes)?);
        }
        Ok(members)
    }
}

impl Codec<Identity> for Wire {
    type Error = postcard::Error;

    fn encode_header(
        &mut self,
        header: &Header<Identity>,
        buffer: impl bytes::BufMut,
    ) -> Result<(), Self::Error> {
        let mut bytes = postcard::to_stdvec(header)?;
        write_about(&header.src, &mut bytes)?;
        put(&bytes, buffer)
    }

    fn decode_header(
        &mut self,
        mut buffer: impl bytes::Buf,
    ) -> Result<Header<Identity>, Self::Error> {
        let mut header: Header<Identity> = take(&mut buffer)?;
        header.src.about = Some(Arc::new(take(&mut buffer)?));
        Ok(header)
    }

    fn encode_member(
        &mut self,
        member: &foca::Member<Identity>,
        buffer: impl bytes::BufMut,
    ) -> Result<(), Self::Error> {
        let mut bytes = postcard::to_stdvec(member)?;
        if is_active(member.state()) {
            write_about(member.id(), &mut bytes)?;
        }
        put(&bytes, buffer)
    }

    fn decode_member(
        &mut self,
        mut buffer: impl bytes::Buf,
    ) -> Result<foca::Member<Identity>, Self::Error> {
        let member: foca::Member<Identity> = take(&mut buffer)?;
        if !is_active(member.state()) {
            return Ok(member);
        }
        let id = Identity {
            about: Some(Arc::new(take(&mut buffer)?)),
            ..member.id().clone()
        };
        Ok(foca::Member::new(id, member.incarnation(), member.state()))
    }
}

fn is_active(state: State) -> bool {
    match state {
        State::Alive | State::Suspect => true,
        State::Down => false,
    }
}

fn write_about(identity: &Identity, bytes: &mut Vec<u8>) -> Result<(), postcard::Error> {
    let about = identity
        .about
        .as_deref()
        .ok_or(postcard::Error::SerdeSerCustom)?;
    bytes.extend(postcard::to_stdvec(about)?);
    Ok(())
}

/// Writes all or nothing.
fn put(bytes: &[u8], mut buffer: impl bytes::BufMut) -> Result<(), postcard::Error> {
    if buffer.remaining_mut() < bytes.len() {
        return Err(postcard::Error::SerializeBufferFull);
    }
    buffer.put_slice(bytes);
    Ok(())
}

/// Reads one value; the protocol's buffers are contiguous.
fn take<T: for<'de> Deserialize<'de>>(buffer: &mut impl bytes::Buf) -> Result<T, postcard::Error> {
    let (value, rest) = postcard::take_from_bytes(buffer.chunk())?;
    let read = buffer.chunk().len() - rest.len();
    buffer.advance(read);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use foca::Identity as _;

    use super::*;

    fn identity() -> Identity {
        Identity::new(
            SocketAddr::from(([10, 0, 0, 1], 7355)),
            About {
                management: SocketAddr::from(([10, 0, 0, 1], 7626)),
                uid: NodeUid(u64::MAX),
                started_at: 1_800_000_000_000,
                roles: ["api".to_owned(), "worker".to_owned()].into(),
                version: "0.1.0".to_owned(),
                zone: Some("eu-central-1a".to_owned()),
            },
        )
    }

    #[test]
    fn a_later_process_and_a_renewed_identity_win() {
        let former = identity();
        let renewed = former.renew().unwrap();
        assert!(renewed.win_addr_conflict(&former) && !former.win_addr_conflict(&renewed));
        assert_ne!(renewed, former);
        assert_eq!(renewed.about, former.about);
        assert!(former.leaving().win_addr_conflict(&former));
    }

    #[test]
    fn who_leaves_does_not_come_back() {
        assert_eq!(identity().leaving().renew(), None);
    }

    #[test]
    fn a_clock_set_back_an_hour_is_made_up_for_in_few_steps() {
        let former = identity();
        let mut later = identity();
        later.generation -= 3_600_000;
        let mut steps = 0;
        while !later.win_addr_conflict(&former) {
            later = later.renew().unwrap();
            steps += 1;
        }
        assert_eq!(steps, 22);
    }

    #[test]
    fn renewing_for_ever_never_runs_out() {
        let mut identity = identity();
        for _ in 0..1_000_000 {
            let renewed = identity.renew().unwrap();
            assert!(renewed.win_addr_conflict(&identity));
            identity = renewed;
        }
    }

    #[test]
    fn members_read_back_as_written_and_the_dead_say_little() {
        let alive = foca::Member::alive(identity());
        let dead = foca::Member::down(identity().leaving());
        let both = Wire::write_all([&alive, &dead].into_iter()).unwrap();
        let one = Wire::write_all([&alive].into_iter()).unwrap();
        assert!(both.len() - one.len() < 20, "{}", both.len() - one.len());

        let read = Wire::read_all(&both).unwrap();
        assert_eq!(read, [alive, dead]);
        assert_eq!(read[0].id().about, identity().about);
        assert_eq!(read[1].id().about, None);
        assert!(!read[0].id().leaving && read[1].id().leaving);
    }

    #[test]
    fn a_header_reads_back_and_leaves_the_rest_of_the_datagram() {
        let header = Header {
            src: identity(),
            src_incarnation: 3,
            dst: Identity::anyone_at(SocketAddr::from(([10, 0, 0, 2], 7355))),
            message: foca::Message::PingReq {
                target: identity(),
                probe_number: 7,
            },
        };
        let mut bytes = Vec::new();
        Wire.encode_header(&header, &mut bytes).unwrap();
        bytes.extend(b"rest");
        let mut rest = &bytes[..];
        let read = Wire.decode_header(&mut rest).unwrap();
        assert_eq!(read, header);
        assert_eq!(read.src.about, identity().about);
        assert_eq!(rest, b"rest");
    }

    #[test]
    fn a_buffer_too_small_is_left_clean() {
        let member = foca::Member::alive(identity());
        let mut buffer = bytes::BufMut::limit(Vec::new(), 40);
        assert!(Wire.encode_member(&member, &mut buffer).is_err());
        assert!(buffer.into_inner().is_empty());
    }

    #[test]
    fn cut_short_it_is_an_error() {
        let bytes = Wire::write_all([&foca::Member::alive(identity())].into_iter()).unwrap();
        for length in 1..bytes.len() {
            assert!(Wire::read_all(&bytes[..length]).is_err(), "{length}");
        }
    }
}
