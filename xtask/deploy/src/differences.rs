//! All known differences between emulators and AWS, and how they are handled.

pub mod ministack;
pub mod moto;
mod template_text;

use std::time::Duration;

/// Both parts of the credentials for an emulator. Any will do.
pub const ACCESS_KEY: &str = "emulator";

/// The pause between two looks at AWS: operations take minutes, and AWS limits the calls.
const INTERVAL: Duration = Duration::from_secs(4);

/// An emulator on this machine answers at once, and has no limits.
const INTERVAL_HERE: Duration = Duration::from_millis(100);

/// Between two looks at what goes on.
pub fn interval(endpoint_url: Option<&str>) -> Duration {
    let is_here = endpoint_url.is_some_and(|url| {
        ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"]
            .iter()
            .any(|here| url.starts_with(here))
    });
    if is_here { INTERVAL_HERE } else { INTERVAL }
}

/// Whether the endpoint shows a change before it makes it. AWS does, and so do MiniStack and LocalStack.
pub async fn takes_change_sets(endpoint_url: Option<&str>) -> bool {
    match endpoint_url {
        Some(url) => !moto::is_at(url).await,
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_is_asked_every_few_seconds_and_an_emulator_here_more_often() {
        for url in [
            None,
            Some("https://vpce-1.cloudformation.eu-west-1.vpce.amazonaws.com"),
            Some("http://127.0.0.1.example.com:80"),
        ] {
            let seconds = interval(url).as_secs();
            assert!((3..=5).contains(&seconds), "{url:?} {seconds}");
        }
        for url in ["http://127.0.0.1:4566", "http://localhost:5005"] {
            assert!(interval(Some(url)) < Duration::from_secs(1), "{url}");
        }
    }
}
