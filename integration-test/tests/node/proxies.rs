//! Calls to AWS through a company's proxy, which may open their TLS: a proxy of these tests stands in
//! the way, and tells what it was asked for.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use e2e::nodes::settings::Settings;
use observe::eventually::eventually;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use region::Task;
use tempfile::TempDir;
use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional,
    },
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer},
};

use crate::support::{CLUSTER, ORDERS, Said, Site, by_service, demo_node, hasty};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nobody but the proxy knows where this is.
const ENDPOINT: &str = "ecs.company.example";

/// `user:password` in base 64, as a proxy gets it.
const CREDENTIALS: &str = "Basic dXNlcjpwYXNzd29yZA==";

/// An HTTP proxy (RFC 9110, sections 7.3.2 and 9.3.6): it passes on what has an absolute URL, and lets
/// CONNECT through to one place, whatever the name.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Proxy {
    async fn start(tunnels_to: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut streams = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                streams.spawn(pass_on(stream, tunnels_to, Arc::clone(&log)));
            }
        });
        Self {
            address,
            asked,
            _serving: serving,
        }
    }

    fn url(&self) -> String {
        format!("http://user:password@{}", self.address)
    }

    /// First lines of requests, each with the credentials that came with it.
    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Serves one connection, for one request.
async fn pass_on(stream: TcpStream, tunnels_to: SocketAddr, log: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let (mut first, mut head, mut credentials, mut length) =
        (String::new(), String::new(), None, 0);
    stream.read_line(&mut first).await.unwrap();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "proxy-authorization" => credentials = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap(),
            _ => head.push_str(&line),
        }
    }
    let words: Vec<&str> = first.split_whitespace().collect();
    let [method, target, _] = words[..] else {
        return;
    };
    let credentials = credentials.unwrap_or_default();
    log.lock()
        .unwrap()
        .push(format!("{method} {target} {credentials}"));
    if method == "CONNECT" {
        let mut origin = TcpStream::connect(tunnels_to).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let _closed = copy_bidirectional(&mut stream, &mut origin).await;
        return;
    }
    let rest = target.strip_prefix("http://").unwrap();
    let (origin, path) = rest.split_once('/').unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let mut origin = TcpStream::connect(origin).await.unwrap();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\n{head}content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    origin.write_all(head.as_bytes()).await.unwrap();
    origin.write_all(&body).await.unwrap();
    let _closed = copy_bidirectional(&mut stream, &mut origin).await;
}

/// The region behind TLS, with a certificate of a company's own authority.
struct Tls {
    address: SocketAddr,
    folder: TempDir,
    _serving: JoinSet<()>,
}

impl Tls {
    async fn in_front_of(origin: SocketAddr) -> Self {
        let authority_key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([ENDPOINT.to_owned()])
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(
            folder.path().join("authority.pem"),
            authority_certificate.pem(),
        )
        .unwrap();

        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut streams = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let accepting = acceptor.accept(stream);
                streams.spawn(async move {
                    // Who does not trust the authority breaks off.
                    let Ok(mut stream) = accepting.await else {
                        return;
                    };
                    let mut origin = TcpStream::connect(origin).await.unwrap();
                    let _closed = copy_bidirectional(&mut stream, &mut origin).await;
                });
            }
        });
        Self {
            address,
            folder,
            _serving: serving,
        }
    }

    fn authority(&self) -> String {
        self.path("authority.pem")
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

/// A task that reaches ECS only through a proxy.
struct Company {
    _site: Site,
    tls: Tls,
    proxy: Proxy,
    environment: BTreeMap<String, String>,
}

impl Company {
    async fn new() -> Self {
        let site = Site::new().await;
        let (task, _) = site.run_task(Task::of_service(CLUSTER, ORDERS));
        let mut environment = site.region.task_environment(&task);
        let origin = environment["AWS_ENDPOINT_URL"].replace("http://", "");
        let tls = Tls::in_front_of(origin.trim_end_matches('/').parse().unwrap()).await;
        let proxy = Proxy::start(tls.address).await;
        environment.insert("AWS_ENDPOINT_URL".to_owned(), format!("https://{ENDPOINT}"));
        environment.insert("HTTPS_PROXY".to_owned(), proxy.url());
        environment.insert("AWS_CA_BUNDLE".to_owned(), tls.authority());
        environment.extend(by_service().into_environment());
        Self {
            _site: site,
            tls,
            proxy,
            environment,
        }
    }

    async fn lookup(&self, changes: &[(&str, &str)]) -> Said {
        let mut environment = self.environment.clone();
        for (name, value) in changes {
            environment.insert((*name).to_owned(), (*value).to_owned());
        }
        let said = demo_node(&["lookup"], &environment).await;
        assert!(!said.error.contains("password"), "{said:?}");
        assert!(!said.error.contains("panicked"), "{said:?}");
        said
    }
}

#[tokio::test]
async fn calls_to_aws_go_through_the_proxy_and_trust_the_bundle() {
    let company = Company::new().await;
    let said = company.lookup(&[]).await;
    assert_eq!(said.status, Some(0), "{said:?}");
    let asked = company.proxy.asked();
    assert!(!asked.is_empty());
    for asked in asked {
        assert_eq!(asked, format!("CONNECT {ENDPOINT}:443 {CREDENTIALS}"));
    }
}

#[tokio::test]
async fn what_the_bundle_does_not_vouch_for_is_not_trusted() {
    let company = Company::new().await;
    let said = company.lookup(&[("AWS_CA_BUNDLE", "")]).await;
    assert_eq!(said.status, Some(1), "{said:?}");
    assert!(said.error.contains("certificate"), "{said:?}");
    assert!(said.error.contains(ENDPOINT), "{said:?}");
}

#[tokio::test]
async fn what_is_exempt_does_not_go_through_the_proxy() {
    let company = Company::new().await;
    for exempt in [ENDPOINT, "other.example, .company.example", "*"] {
        let said = company.lookup(&[("NO_PROXY", exempt)]).await;
        assert_eq!(said.status, Some(1), "{said:?}");
        assert!(said.error.contains(ENDPOINT), "{said:?}");
    }
    assert_eq!(company.proxy.asked(), [""; 0]);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_without_its_password() {
    let company = Company::new().await;
    let nobody = "http://user:password@127.0.0.1:1";
    let said = company.lookup(&[("HTTPS_PROXY", nobody)]).await;
    assert_eq!(said.status, Some(1), "{said:?}");
    let named = format!("{ENDPOINT}: through the proxy http://127.0.0.1:1/: ");
    assert!(said.error.contains(&named), "{said:?}");
}

#[tokio::test]
async fn a_bundle_that_cannot_be_used_is_named() {
    let company = Company::new().await;
    let wrong = |name: &str, text: &str| {
        let path = company.tls.path(name);
        fs::write(&path, text).unwrap();
        path
    };
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cut_off = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    for bundle in [
        "/no/such/file".to_owned(),
        "/".to_owned(),
        "/dev/null".to_owned(),
        "/dev/zero".to_owned(),
        wrong("text", "no certificate"),
        wrong("garbage", no_certificate),
        wrong("cut-off", cut_off),
        wrong(
            "base64",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        ),
    ] {
        let said = company.lookup(&[("AWS_CA_BUNDLE", &bundle)]).await;
        assert_eq!(said.status, Some(2), "{bundle}: {said:?}");
        let named = format!("the environment variable AWS_CA_BUNDLE: {bundle}: ");
        assert!(said.error.contains(&named), "{bundle}: {said:?}");
    }
}

#[tokio::test]
async fn metadata_credentials_and_peers_are_asked_without_the_proxy() {
    let site = Site::new().await;
    site.region
        .edit(|account| account.put_service(CLUSTER, ORDERS, 2).desired_count);
    let nowhere = ([127, 0, 0, 1], 1).into();
    let proxy = Proxy::start(nowhere).await;
    let tasks = [(); 2].map(|()| site.run_task(Task::of_service(CLUSTER, ORDERS)));
    let region = site.region.task_environment(&tasks[0].0)["AWS_ENDPOINT_URL"].clone();
    let nodes = tasks.map(|(task, address)| {
        let mut environment = site.region.task_environment(&task);
        environment.insert("HTTP_PROXY".to_owned(), proxy.url());
        let settings: Settings = hasty()
            .with("BOOTSTRAP_EXPECTED_NODES", &2)
            .with("BOOTSTRAP_REQUIRED_CONTACT_POINTS", &2);
        site.start_in(environment, address, settings)
    });
    eventually(PATIENCE, async || {
        for node in &nodes {
            anyhow::ensure!(node.members().await?.members.len() == 2);
        }
        Ok(())
    })
    .await
    .unwrap();
    let asked = proxy.asked();
    assert!(!asked.is_empty());
    let to_ecs = format!("POST {region}/ {CREDENTIALS}");
    for asked in asked {
        assert_eq!(asked, to_ecs);
    }
}
