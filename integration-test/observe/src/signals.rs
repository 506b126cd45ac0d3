//! Signals that ask a program to end.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Waits for one, and gives the exit status of a program that it ends, as shells have it.
pub async fn interruption() -> io::Result<u8> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let kind = tokio::select! {
        _ = interrupt.recv() => SignalKind::interrupt(),
        _ = terminate.recv() => SignalKind::terminate(),
        _ = hangup.recv() => SignalKind::hangup(),
    };
    let number = u8::try_from(kind.as_raw_value()).expect("the numbers of these three are small");
    Ok(128 + number)
}
