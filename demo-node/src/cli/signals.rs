//! Signals that ask a process to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Watches, from its creation on, for the signals that ask a process to end.
///
/// The first process of a container ignores every signal without a handler, so install the handlers before
/// anything that can take long.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// SIGTERM (from orchestrators), SIGINT (from people) and SIGHUP (from a terminal that closes) all mean the same.
    /// SIGHUP is ignored if it was ignored when the process started, as with `nohup`.
    pub(super) fn watch() -> io::Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hangup = if ignores_hangup(&status) {
            None
        } else {
            Some(signal(SignalKind::hangup())?)
        };
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup,
        })
    }

    /// Waits for a signal, and gives its name and its number.
    pub(super) async fn asked(&mut self) -> (&'static str, u8) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 15),
            _ = self.interrupt.recv() => ("SIGINT", 2),
            _ = hangup => ("SIGHUP", 1),
        }
    }
}

/// Whether the line `SigIgn` of a process's status has SIGHUP in its mask: proc(5).
fn ignores_hangup(status: &str) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hangup_is_the_lowest_bit_of_what_is_ignored() {
        let status = "Name:\tdemo-node\nSigIgn:\t0000000000001001\n";
        assert!(ignores_hangup(status));
        assert!(!ignores_hangup("SigIgn:\t0000000000001000\n"));
        assert!(!ignores_hangup(""));
    }
}
