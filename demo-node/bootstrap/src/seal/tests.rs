use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_800_000_000_000;
const OLD: &str = "an old secret of more than 32 characters";
const NEW: &str = "a new secret, also more than 32 characters";

fn name(text: &str) -> ClusterName {
    text.parse().unwrap()
}

fn nonce() -> Nonce {
    Nonce([7; 24])
}

fn ring(secrets: &[&str]) -> Keyring {
    Keyring::from_secrets(secrets).unwrap()
}

fn scope(cluster: &ClusterName) -> Scope<'_> {
    Scope {
        purpose: Purpose::Gossip,
        cluster,
        id: Some(ClusterId(77 << 64)),
    }
}

#[test]
fn what_was_sealed_opens() {
    let cluster = name("orders");
    for ring in [ring(&[OLD]), Keyring::unsealed()] {
        for message in [&b""[..], b"x", &[9; 1350]] {
            let sealed = ring.seal(scope(&cluster), message, NOW, nonce());
            let opened = ring.open(scope(&cluster), &sealed, NOW + 29_000).unwrap();
            assert_eq!(opened.message, message);
            assert_eq!(opened.nonce, nonce());
        }
    }
}

#[test]
fn sealing_hides_the_message_and_adds_what_it_says() {
    let cluster = name("orders");
    let sealed = ring(&[OLD]).seal(scope(&cluster), b"plain words", NOW, nonce());
    assert_eq!(sealed.len(), b"plain words".len() + OVERHEAD);
    assert!(!sealed.windows(5).any(|window| window == b"plain"));
}

#[test]
fn another_secret_does_not_open() {
    let cluster = name("orders");
    let sealed = ring(&[OLD]).seal(scope(&cluster), b"hello", NOW, nonce());
    for other in [ring(&[NEW]), Keyring::unsealed()] {
        let refused = other.open(scope(&cluster), &sealed, NOW);
        assert_eq!(refused, Err(Unopened::UnknownKey));
    }
    let clear = Keyring::unsealed().seal(scope(&cluster), b"hello", NOW, nonce());
    let refused = ring(&[OLD]).open(scope(&cluster), &clear, NOW);
    assert_eq!(refused, Err(Unopened::UnknownKey));
}

#[test]
fn a_key_id_is_no_proof_of_the_key() {
    let cluster = name("orders");
    let mut sealed = ring(&[OLD]).seal(scope(&cluster), b"hello", NOW, nonce());
    let genuine = ring(&[NEW]).seal(scope(&cluster), b"hello", NOW, nonce());
    sealed[..HEADER].copy_from_slice(&genuine[..HEADER]);
    let refused = ring(&[NEW]).open(scope(&cluster), &sealed, NOW);
    assert_eq!(refused, Err(Unopened::Forged));
}

#[test]
fn another_cluster_or_purpose_does_not_open() {
    let (orders, billing) = (name("orders"), name("billing"));
    let ring = ring(&[OLD]);
    let sealed = ring.seal(scope(&orders), b"hello", NOW, nonce());
    let refuses = |scope| ring.open(scope, &sealed, NOW).unwrap_err();

    let younger = Some(ClusterId(78 << 64));
    let twin = Some(ClusterId((77 << 64) + 1));
    let here = scope(&orders);
    assert_eq!(refuses(scope(&billing)), Unopened::Forged);
    assert_eq!(
        refuses(Scope {
            id: younger,
            ..here
        }),
        Unopened::OtherCluster
    );
    assert_eq!(refuses(Scope { id: None, ..here }), Unopened::OtherCluster);
    assert_eq!(refuses(Scope { id: twin, ..here }), Unopened::Forged);
    for purpose in [
        Purpose::FoundingRequest,
        Purpose::FoundingReply,
        Purpose::State,
        Purpose::Contact,
        Purpose::EchoQuestion,
        Purpose::EchoAnswer,
    ] {
        assert_eq!(refuses(Scope { purpose, ..here }), Unopened::Forged);
    }
}

#[test]
fn a_stamp_far_from_the_clock_is_refused_either_way() {
    let cluster = name("orders");
    let ring = ring(&[OLD]);
    let sealed = ring.seal(scope(&cluster), b"hello", NOW, nonce());
    for (now, opens) in [
        (NOW - 30_001, false),
        (NOW - 30_000, true),
        (NOW + 30_000, true),
        (NOW + 30_001, false),
        (0, false),
        (u64::MAX, false),
    ] {
        assert_eq!(
            ring.open(scope(&cluster), &sealed, now).is_ok(),
            opens,
            "{now}"
        );
    }
}

#[test]
fn a_change_of_any_bit_is_noticed() {
    let cluster = name("orders");
    let ring = ring(&[OLD]);
    let sealed = ring.seal(scope(&cluster), b"hello", NOW, nonce());
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(
            ring.open(scope(&cluster), &changed, NOW).is_err(),
            "bit {bit}"
        );
    }
    for length in 0..sealed.len() {
        assert!(
            ring.open(scope(&cluster), &sealed[..length], NOW).is_err(),
            "cut to {length}"
        );
    }
}

#[test]
fn secrets_change_without_a_moment_in_which_nodes_do_not_understand_each_other() {
    let cluster = name("orders");
    let rounds = [
        ring(&[OLD]),
        ring(&[OLD, NEW]),
        ring(&[NEW, OLD]),
        ring(&[NEW]),
    ];
    for (before, after) in rounds.iter().zip(&rounds[1..]) {
        for (from, to) in [(before, after), (after, before)] {
            let sealed = from.seal(scope(&cluster), b"hello", NOW, nonce());
            assert!(to.open(scope(&cluster), &sealed, NOW).is_ok());
        }
    }
}

#[test]
fn secrets_are_checked_and_never_shown() {
    assert_eq!(
        Keyring::from_secrets::<&str>(&[]).unwrap_err(),
        InvalidSecrets::None
    );
    let short = Keyring::from_secrets(&[OLD, "hunter2"]).unwrap_err();
    assert_eq!(
        short.to_string(),
        "secret 2 has 7 characters, expected at least 32"
    );
    let repeated = Keyring::from_secrets(&[OLD, NEW, OLD]).unwrap_err();
    assert_eq!(repeated.to_string(), "secrets 1 and 3 are the same");
    assert_eq!(format!("{:?}", ring(&[OLD, NEW])), "Keyring(2 keys)");
}

proptest! {
    #[test]
    fn noise_never_opens(mut noise in prop::collection::vec(any::<u8>(), 0..200), help in 0..4usize) {
        let cluster = name("orders");
        let ring = ring(&[OLD]);
        let genuine = ring.seal(scope(&cluster), b"hello", NOW, nonce());
        // Noise that gets past the first checks reaches the later ones.
        let keep = [0, TAG_AT, NONCE_AT, HEADER][help].min(noise.len());
        noise[..keep].copy_from_slice(&genuine[..keep]);
        prop_assert!(ring.open(scope(&cluster), &noise, NOW).is_err());
    }
}

#[test]
fn what_founding_takes_and_who_is_there_does_not_depend_on_clocks() {
    let cluster = name("orders");
    let ring = ring(&[OLD]);
    for purpose in [
        Purpose::FoundingRequest,
        Purpose::FoundingReply,
        Purpose::Contact,
        Purpose::EchoQuestion,
        Purpose::EchoAnswer,
    ] {
        let scope = Scope {
            purpose,
            ..scope(&cluster)
        };
        let sealed = ring.seal(scope, b"hello", NOW, nonce());
        for now in [0, NOW - 60_000, NOW + 60_000, u64::MAX] {
            assert_eq!(ring.open(scope, &sealed, now).unwrap().message, b"hello");
        }
    }
}
