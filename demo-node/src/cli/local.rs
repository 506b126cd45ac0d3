//! `demo-node members` and `demo-node healthcheck`: ask the local node.

use std::{fmt::Write, net::SocketAddr, time::Duration};

use clap::ArgMatches;
use discovery::{config::Surroundings, excerpt};
use hyper::StatusCode;
use serde_json::Value;

use super::{
    exit::{Exit, Failure},
    output::print,
    place,
};
use crate::{
    config::{
        discovery::address_family,
        values::{self, Values},
    },
    http::{self, Ask},
    management,
    net::Tcp,
    node,
};

/// How long the local node may take to answer. Health checks of ECS wait five seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// How much of a text is shown that a node has a part in, in characters.
const LONGEST: usize = 300;

/// Shows the members, as each of the nodes that were named sees them.
pub(super) async fn members(values: &Values, matches: &ArgMatches) -> Result<Exit, Failure> {
    let nodes = match matches.get_many::<String>("url") {
        None => vec![own_address(values).await?],
        Some(urls) => urls.map(|url| parsed(url)).collect::<Result<_, _>>()?,
    };
    for (n, to) in nodes.into_iter().enumerate() {
        let (status, body) = ask(to, "/cluster/members").await?;
        let text = String::from_utf8_lossy(&body);
        if status != StatusCode::OK {
            return Err(failed(format!(
                "{to} answered with status {status}: {}",
                excerpt(&text, LONGEST)
            )));
        }
        let members = serde_json::from_str(&text)
            .map_err(|error| failed(format!("read the answer of {to}: {error}")))?;
        if matches.get_flag("json") {
            print(&in_ascii(&text))?;
            continue;
        }
        let separator = if n == 0 { "" } else { "\n" };
        print(&format!("{separator}{}", table(&members)))?;
    }
    Ok(Exit::Complete)
}

/// Asks whether the node is well.
pub(super) async fn healthcheck(values: &Values, matches: &ArgMatches) -> Result<Exit, Failure> {
    let to = address(values, matches).await?;
    let probe = matches
        .get_one::<String>("probe")
        .map_or("ready", String::as_str);
    let (status, body) = ask(to, &format!("/{probe}")).await?;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    let message = excerpt(
        answer["message"].as_str().unwrap_or("no reason given"),
        LONGEST,
    );
    if status == StatusCode::OK {
        // The exit status is the answer: a node is well also where nobody can be told.
        let _unseen = print(&message);
        Ok(Exit::Complete)
    } else {
        Err(failed(format!("not {probe}: {message}")))
    }
}

async fn ask(to: SocketAddr, path: &str) -> Result<(StatusCode, bytes::Bytes), Failure> {
    http::ask(&Tcp, to, Ask::get(path), PATIENCE)
        .await
        .map_err(|error| Failure::failed(&error))
}

async fn address(values: &Values, matches: &ArgMatches) -> Result<SocketAddr, Failure> {
    match matches.get_one::<String>("url") {
        Some(url) => parsed(url),
        None => own_address(values).await,
    }
}

fn parsed(url: &str) -> Result<SocketAddr, Failure> {
    let bare = url.trim_start_matches("http://").trim_end_matches('/');
    bare.parse().map_err(|_unreadable| Failure {
        exit: Exit::Usage,
        message: format!("--url {url}: expected an address and port such as 10.0.1.7:7626"),
    })
}

/// Where the node listens, as the node itself finds it with the same settings.
async fn own_address(values: &Values) -> Result<SocketAddr, Failure> {
    let usage = |error: values::Error| Failure::usage(&error);
    let management = management::Settings::read(values).map_err(usage)?;
    let node = node::settings::Settings::read(values).map_err(usage)?;
    let ip = match node.bind_address {
        Some(ip) => ip,
        None => {
            let family = address_family(values).map_err(usage)?;
            let place = place::find(&node, family, &Surroundings::from_env())
                .await
                .map_err(|error| Failure::discovery(&error))?;
            place::bind_address(&node, &place)
        }
    };
    Ok(SocketAddr::new(ip, management.bind_port()))
}

fn table(members: &Value) -> String {
    let list = |key: &str| members[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| excerpt(value.as_str().unwrap_or("-"), LONGEST);
    let unreachable: Vec<_> = list("unreachable")
        .iter()
        .map(|u| text(&u["node"]))
        .collect();
    let mut out = String::new();
    let cluster = text(&members["cluster"]["id"]);
    let _ = writeln!(out, "cluster  {cluster}");
    let _ = writeln!(out, "leader   {}", text(&members["leader"]));
    let _ = writeln!(out, "oldest   {}", text(&members["oldest"]));
    let _ = writeln!(out);
    let _ = writeln!(
        out,
        "{:<48} {:<9} {:<12} ROLES",
        "NODE", "STATUS", "REACHABLE"
    );
    for member in list("members") {
        let node = text(&member["node"]);
        let reachable = if unreachable.contains(&node) {
            "no"
        } else {
            "yes"
        };
        let roles: Vec<_> = member["roles"]
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
            .collect();
        let status = text(&member["status"]);
        let _ = writeln!(
            out,
            "{node:<48} {status:<9} {reachable:<12} {}",
            excerpt(&roles.join(","), LONGEST)
        );
    }
    out.truncate(out.trim_end().len());
    out
}

/// The same JSON, in one line and in nothing but ASCII: there is nothing in it that a terminal obeys.
fn in_ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            ' '..='~' => ascii.push(c),
            // Between values: JSON does not have them within strings.
            '\n' | '\r' | '\t' => ascii.push(' '),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(ascii, "\\u{unit:04x}");
                }
            }
        }
    }
    ascii
}

fn failed(message: String) -> Failure {
    Failure {
        exit: Exit::Failed,
        message,
    }
}
