//! `demo-node members` and `demo-node healthcheck`: ask the local node.

use std::{fmt::Write as _, net::SocketAddr, time::Duration};

use clap::ArgMatches;
use discovery::{config::Surroundings, excerpt};
use hyper::StatusCode;
use serde_json::Value;

use super::{
    exit::{Exit, Failure},
    members,
    output::print,
    place, terminal, watch,
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

/// How much is shown of a text from a node, in characters.
const LONGEST: usize = 300;

/// Shows the members as each of the given nodes sees them: once, or repeatedly.
pub(super) async fn members(values: &Values, matches: &ArgMatches) -> Result<Exit, Failure> {
    let pause = watch::pause(matches)?;
    let nodes = match matches.get_many::<String>("url") {
        None => vec![own_address(values).await?],
        Some(urls) => urls.map(|url| parsed(url)).collect::<Result<_, _>>()?,
    };
    let Some(pause) = pause else {
        for (n, to) in nodes.into_iter().enumerate() {
            if matches.get_flag("json") {
                let text = members_of(to).await?;
                read(to, &text)?;
                print(&in_ascii(&text))?;
            } else {
                let separator = if n == 0 { "" } else { "\n" };
                print(&format!("{separator}{}", shown(to).await?))?;
            }
        }
        return Ok(Exit::Complete);
    };
    let mut screen = watch::Screen::default();
    loop {
        let mut tables = Vec::new();
        for to in &nodes {
            // A node that does not answer now may do so soon.
            let table = shown(*to).await;
            tables.push(table.unwrap_or_else(|failure| failure.message));
        }
        screen.show(tables.join("\n\n"))?;
        tokio::time::sleep(pause).await;
    }
}

/// The table of the members as a node sees them.
async fn shown(to: SocketAddr) -> Result<String, Failure> {
    let members = read(to, &members_of(to).await?)?;
    Ok(members::table(&members, terminal::looks()))
}

fn read(from: SocketAddr, text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text)
        .map_err(|error| failed(format!("read the answer of {from}: {error}")))
}

async fn members_of(to: SocketAddr) -> Result<String, Failure> {
    let (status, body) = ask(to, "/cluster/members").await?;
    let text = String::from_utf8_lossy(&body);
    if status != StatusCode::OK {
        return Err(failed(format!(
            "{to} answered with status {status}: {}",
            excerpt(&text, LONGEST)
        )));
    }
    Ok(text.into_owned())
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
        // The exit status is the answer: a node is well even if nothing can be printed.
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

/// Where the node listens. The node finds it in the same way, from the same settings.
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

/// The same JSON in one line and in ASCII only, so that it contains nothing that a terminal would interpret.
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
