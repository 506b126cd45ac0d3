//! Joins the tasks of an ECS service by [foca](https://docs.rs/foca), a membership by gossip: discovery gives the seeds.
//!
//! ```sh
//! cargo run --package discovery --example seeds_foca -- my-service my-cluster
//! ```

use std::{error::Error, net::SocketAddr, time::Duration};

use discovery::{Discovery, Lookup, Pace, config, container_address};
use foca::{AccumulatingRuntime, Config, Foca, OwnedNotification, PostcardCodec};
use rand::{SeedableRng, rngs::StdRng};
use tokio::{net::UdpSocket, task::JoinSet, time::sleep};

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
    let rng = StdRng::seed_from_u64(fastrand::u64(..));
    let mut foca = Foca::new(own, Config::simple(), rng, PostcardCodec);
    let mut wanted = AccumulatingRuntime::new();
    let (mut timers, mut datagram) = (JoinSet::new(), [0; 1500]);
    loop {
        tokio::select! {
            // A member learns all others by gossip.
            view = watch.next_view() => if foca.num_members() == 0 {
                for seed in view.seeds(own, PORT) {
                    foca.announce(seed, &mut wanted)?;
                }
            },
            Ok((length, _)) = socket.recv_from(&mut datagram) => {
                // Anybody may send anything.
                let _ = foca.handle_data(&datagram[..length], &mut wanted);
            }
            Some(Ok(timer)) = timers.join_next() => foca.handle_timer(timer, &mut wanted)?,
        }
        while let Some((to, data)) = wanted.to_send() {
            // Gossip tolerates losses; one bad address must not end it.
            let _ = socket.send_to(&data, to).await;
        }
        while let Some((after, timer)) = wanted.to_schedule() {
            timers.spawn(async move {
                sleep(after).await;
                timer
            });
        }
        while let Some(notice) = wanted.to_notify() {
            if let OwnedNotification::MemberUp(member) = notice {
                println!("{member} is here");
            }
        }
    }
}
