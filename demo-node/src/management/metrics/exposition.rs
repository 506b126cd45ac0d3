//! The two formats that collectors read: OpenMetrics for collectors that ask for it, and the classic Prometheus
//! format, which every collector reads, for all others.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, header};

/// How the metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Prometheus text 0.0.4.
    Classic,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

/// One of the media types that a request accepts, and its weight.
struct Accepted<'a> {
    media_type: &'a str,
    version: &'a str,
    quality: f32,
}

impl Format {
    /// OpenMetrics if `Accept` names it and does not prefer classic text.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        let accepted: Vec<_> = headers
            .get_all(header::ACCEPT)
            .into_iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(Accepted::parse)
            .collect();
        let quality = |matches: &dyn Fn(&Accepted<'_>) -> bool| {
            accepted
                .iter()
                .filter(|one| matches(one))
                .map(|one| one.quality)
                .max_by(f32::total_cmp)
        };
        let open = quality(&|one| {
            one.is("application/openmetrics-text") && matches!(one.version, "" | "0.0.1" | "1.0.0")
        });
        // The more specific type counts, as in every `Accept`.
        let classic = quality(&|one| one.is("text/plain") && matches!(one.version, "" | "0.0.4"))
            .or_else(|| quality(&|one| one.is("text/*")))
            .or_else(|| quality(&|one| one.is("*/*")));
        match open {
            Some(open) if 0.0 < open && classic.unwrap_or(0.0) <= open => Self::OpenMetrics,
            _ => Self::Classic,
        }
    }

    /// The value of `Content-Type`.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// Converts OpenMetrics text to this format.
    pub(super) fn of(self, open_metrics: String) -> String {
        match self {
            Self::Classic => classic(&open_metrics),
            Self::OpenMetrics => open_metrics,
        }
    }
}

impl<'a> Accepted<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let mut accepted = Self {
            media_type: parts.next()?,
            version: "",
            quality: 1.0,
        };
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "q" | "Q" => accepted.quality = value.parse().ok()?,
                name if name.eq_ignore_ascii_case("version") => accepted.version = value,
                _ => {}
            }
        }
        Some(accepted)
    }

    fn is(&self, media_type: &str) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type)
    }
}

/// In the classic format a counter's description has the name of its series, which ends in `_total`; units and the
/// end mark do not exist.
fn classic(open_metrics: &str) -> String {
    let counters: BTreeSet<_> = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(open_metrics.len() + 1024);
    for line in open_metrics.lines() {
        if line.starts_with("# UNIT ") || line == "# EOF" {
            continue;
        }
        match described(line) {
            Some((start, name, rest)) if counters.contains(name) => {
                text.extend([start, name, "_total ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// `# HELP name text` or `# TYPE name type`, in its three parts.
fn described(line: &str) -> Option<(&str, &str, &str)> {
    let start = ["# HELP ", "# TYPE "]
        .into_iter()
        .find(|start| line.starts_with(start))?;
    let (name, rest) = line[start.len()..].split_once(' ')?;
    Some((start, name, rest))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn open_metrics_is_for_who_asks_for_it() {
        for (accept, wanted) in [
            (&[][..], Format::Classic),
            (&["*/*"], Format::Classic),
            (&["text/html,application/json"], Format::Classic),
            (&["application/*"], Format::Classic),
            (&["application/openmetrics-text"], Format::OpenMetrics),
            (
                &["Application/OpenMetrics-Text; Version=\"1.0.0\""],
                Format::OpenMetrics,
            ),
            (
                &["application/openmetrics-text;version=0.0.1"],
                Format::OpenMetrics,
            ),
            (
                &["application/openmetrics-text;version=2.0.0"],
                Format::Classic,
            ),
            (&["application/openmetrics-text;q=0"], Format::Classic),
            (&["application/openmetrics-text;q=much"], Format::Classic),
            (
                &["application/openmetrics-text;q=0.4, text/plain;q=0.5"],
                Format::Classic,
            ),
            (
                &["application/openmetrics-text;q=0.4, */*;q=0.5"],
                Format::Classic,
            ),
            (
                &["application/openmetrics-text;q=0.4, text/plain;q=0.1, */*"],
                Format::OpenMetrics,
            ),
            (
                &["text/plain;q=0.5", "application/openmetrics-text"],
                Format::OpenMetrics,
            ),
            // Prometheus 2 and 3.
            (
                &[
                    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
                   version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                ],
                Format::OpenMetrics,
            ),
            (
                &[
                    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                   application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;\
                   escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                ],
                Format::OpenMetrics,
            ),
            // One that only accepts classic text.
            (
                &["text/plain;version=0.0.4;q=0.6,*/*;q=0.5"],
                Format::Classic,
            ),
        ] {
            let headers = accept
                .iter()
                .map(|value| (header::ACCEPT, HeaderValue::from_static(value)))
                .collect();
            assert_eq!(Format::wanted(&headers), wanted, "{accept:?}");
        }
    }

    #[test]
    fn classic_text_describes_a_counter_by_the_name_of_its_series() {
        let open_metrics = "\
            # HELP sent_bytes Bytes sent.\n\
            # TYPE sent_bytes counter\n\
            # UNIT sent_bytes bytes\n\
            sent_bytes_total{to=\"# HELP sent_bytes all\"} 7\n\
            # HELP sent_bytes_now Bytes under way.\n\
            # TYPE sent_bytes_now gauge\n\
            sent_bytes_now 1\n\
            # EOF\n";
        assert_eq!(
            Format::OpenMetrics.of(open_metrics.to_owned()),
            open_metrics
        );
        assert_eq!(
            Format::Classic.of(open_metrics.to_owned()),
            "# HELP sent_bytes_total Bytes sent.\n\
             # TYPE sent_bytes_total counter\n\
             sent_bytes_total{to=\"# HELP sent_bytes all\"} 7\n\
             # HELP sent_bytes_now Bytes under way.\n\
             # TYPE sent_bytes_now gauge\n\
             sent_bytes_now 1\n"
        );
    }
}
