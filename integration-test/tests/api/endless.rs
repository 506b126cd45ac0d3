//! Answers without an end: they are read up to a size, and then are an error of its own.

use std::net::SocketAddr;

use discovery::{
    Discovery, Error, MetadataProblem, Remedy,
    config::{AddressFamily, Client, Surroundings},
    container_address,
};
use region::Region;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use crate::support::{ask, client, ec2, ecs};

/// Answers every request with status 200 and a body that goes on for as long as somebody reads it.
struct Endless {
    address: SocketAddr,
    _answering: JoinSet<()>,
}

impl Endless {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut answering = JoinSet::new();
        answering.spawn(async move {
            let mut streams = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                streams.spawn(async move {
                    let _request = stream.read(&mut [0; 4096]).await;
                    let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
                    let _sent = stream.write_all(head).await;
                    let more = vec![b' '; 64 * 1024];
                    while stream.write_all(&more).await.is_ok() {}
                });
            }
        });
        Self {
            address,
            _answering: answering,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn client(&self, region: &Region) -> Client {
        let mut client = client(region);
        client.endpoint = Some(self.url());
        client
    }
}

async fn is_cut_off(discovery: &Discovery, after: &str) {
    let error = ask(discovery, "orders").await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    let ending = format!("the answer is larger than the limit of {after} bytes");
    assert!(error.to_string().ends_with(&ending), "{error}");
    assert_eq!(error.remedy(), Remedy::RetryLater);
}

#[tokio::test]
async fn an_endless_answer_of_ecs_is_an_error_of_its_own() {
    let (endless, region) = (Endless::start().await, Region::start().await);
    let ecs = ecs(&region, |ecs| ecs.client = endless.client(&region)).await;
    is_cut_off(&ecs, "8388608").await;
}

#[tokio::test]
async fn an_endless_answer_of_ec2_is_an_error_of_its_own() {
    let (endless, region) = (Endless::start().await, Region::start().await);
    let ec2 = ec2(&region, |ec2| ec2.client = endless.client(&region)).await;
    is_cut_off(&ec2, "16777216").await;
}

#[tokio::test]
async fn endless_metadata_is_an_error_of_its_own() {
    let endless = Endless::start().await;
    let mut of_task = Surroundings::default();
    of_task.task_metadata = Some(endless.url());
    let mut of_instance = Surroundings::default();
    of_instance.instance_metadata = Some(endless.url());
    for surroundings in [of_task, of_instance] {
        let found = container_address(&surroundings, AddressFamily::default()).await;
        let error = found.unwrap_err();
        let too_large = matches!(
            error,
            Error::Metadata {
                problem: MetadataProblem::TooLarge,
                ..
            }
        );
        assert!(too_large, "{error}");
    }
}
