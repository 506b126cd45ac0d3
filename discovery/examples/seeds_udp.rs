//! Greets the other tasks of an ECS service by UDP, and says who greets: discovery gives the addresses.
//!
//! ```sh
//! cargo run --package discovery --example seeds_udp -- my-service my-cluster
//! ```

use std::{collections::BTreeSet, error::Error, net::SocketAddr, time::Duration};

use discovery::{Discovery, Lookup, Pace, config, container_address};
use tokio::net::UdpSocket;

const PORT: u16 = 7355;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "for people")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let service = arguments.next().ok_or("which service?")?;
    let cluster = arguments
        .next()
        .unwrap_or(config::DEFAULT_CLUSTER.to_owned());

    let surroundings = config::Surroundings::from_env();
    let own = container_address(&surroundings, config::AddressFamily::Auto).await?;
    let own = SocketAddr::new(own.address, PORT);
    let settings = config::Settings::Ecs(config::Ecs::in_cluster(cluster));
    let discovery = Discovery::new(settings).await?;
    let mut watch = discovery.watch(Lookup::new(service), Pace::every(Duration::from_secs(1)));

    let socket = UdpSocket::bind(own).await?;
    let (mut here, mut datagram) = (BTreeSet::new(), [0; 1500]);
    loop {
        tokio::select! {
            view = watch.next_view() => for seed in view.seeds(own, PORT) {
                // One that cannot be reached is no reason to end.
                let _ = socket.send_to(b"hello", seed).await;
            },
            Ok((_, from)) = socket.recv_from(&mut datagram) => if here.insert(from) {
                println!("{from} is here");
            },
        }
    }
}
