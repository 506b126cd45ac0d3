//! How the protocol's messages are written, in `postcard`.

use std::net::SocketAddr;

use foca::{Codec, Header, State};
use serde::Deserialize;

use super::identity::Identity;

/// How the protocol's messages are written.
///
/// A node's description travels with its own messages, and with news about it except news of its death. Everywhere
/// else, address and generation are enough.
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

    /// Who sent a message.
    pub(super) fn sender(mut message: &[u8]) -> Result<SocketAddr, postcard::Error> {
        Ok(Self.decode_header(&mut message)?.src.gossip)
    }

    /// Reads a whole message of the protocol. Some end with the header.
    pub(super) fn read(
        mut message: &[u8],
    ) -> Result<(Header<Identity>, Vec<foca::Member<Identity>>), postcard::Error> {
        let header = Self.decode_header(&mut message)?;
        let Some((_count, members)) = message.split_first_chunk::<2>() else {
            return Ok((header, Vec::new()));
        };
        Ok((header, Self::read_all(members)?))
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
        header.src = header.src.described(take(&mut buffer)?);
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
        let id = member.id().clone().described(take(&mut buffer)?);
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

/// Writes everything or nothing.
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
    use super::{super::identity::tests::identity, *};

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
