//! Ids and addresses, as functions of a serial number: so runs repeat exactly.

use std::net::Ipv4Addr;

/// Spreads serial numbers over 64 bits (the finaliser of splitmix64, which is a bijection), so that the order of ids
/// has no meaning.
pub(crate) fn scatter(serial: u64) -> u64 {
    let mut mixed = serial.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// 32 hexadecimal digits, as in the ids of tasks.
pub(crate) fn hexadecimal(serial: u64) -> String {
    let high = scatter(serial);
    format!("{high:016x}{:016x}", scatter(high))
}

/// The same digits in the shape of a UUID.
pub(crate) fn uuid(serial: u64) -> String {
    let digits = hexadecimal(serial);
    format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    )
}

/// An address of 10.0.0.0/16, without the network address and the first four, which AWS keeps.
pub(crate) fn private_address(serial: u64) -> Ipv4Addr {
    let host = u16::try_from(4 + serial % 65_000).expect("65,004 is below 65,536");
    let [high, low] = host.to_be_bytes();
    Ipv4Addr::new(10, 0, high, low)
}
