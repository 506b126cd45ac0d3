//! What a lookup costs, by method and by the number of peers: time, calls, memory.
//!
//! The endpoint is another process, so that its work and memory are not counted. It answers each
//! call after a stated round trip. Pages follow one another and describing overlaps with them, so
//! a lookup should take no longer than (pages + 1) round trips, and little more.
//!
//! ```sh
//! cargo bench --workspace --bench lookup
//! ```
//!
//! The workspace has the feature `ec2`, so this compiles `aws-sdk-ec2` with optimisations, once:
//! that takes a quarter of an hour. `cargo bench --package discovery` leaves EC2 out.
//! An unoptimised build would measure the reading of answers and little else: that of a page then
//! takes longer than its round trip.
//!
//! First comes what divan makes of several lookups in one process: their times and allocations, of
//! which `max alloc` is the peak. Then a table, each size measured in a process of its own, as a
//! node would see it: the fastest of three against its bound, calls by action, and the resident
//! memory at its highest, above that of the idle process.
//! It fails where a lookup takes longer than 1.05 × (pages + 1) × R + 20 ms (on EC2, 1.15 × (pages + 1) × R + 50 ms and
//! 0.2 ms for each instance), or more than 64 MiB.

use std::{
    process::{Command, ExitCode},
    time::Duration,
};

use divan::AllocProfiler;

mod endpoint;
mod measure;

use endpoint::Endpoint;
use measure::Method;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const ROUND_TRIP: Duration = Duration::from_millis(40);
const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", size] => endpoint::serve(size.parse()?),
        ["measure", method, size] => {
            let method = Method::named(method).ok_or("no such method")?;
            measure::rows(method, size.parse()?)
        }
        _ => {
            divan::main();
            // Cargo says so when it is to measure, not to list or to try.
            if arguments.contains(&"--bench") {
                table()
            } else {
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn table() -> Result<ExitCode, Failure> {
    println!("A round trip takes {ROUND_TRIP:?}.");
    println!();
    println!("| method | peers | lookup | took | at most | calls | resident memory |");
    println!("|---|---|---|---|---|---|---|");
    let mut code = ExitCode::SUCCESS;
    for method in Method::ALL {
        for size in SIZES {
            let measured = Command::new(std::env::current_exe()?)
                .args(["measure", method.name(), &size.to_string()])
                .status()?;
            if !measured.success() {
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

mod ecs {
    use divan::Bencher;

    use super::{Method, SIZES, measure};

    #[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
    fn first(bencher: Bencher<'_, '_>, tasks: usize) {
        measure::first(bencher, Method::Ecs, tasks);
    }

    #[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
    fn refresh(bencher: Bencher<'_, '_>, tasks: usize) {
        measure::refresh(bencher, Method::Ecs, tasks);
    }
}

#[cfg(feature = "ec2")]
mod ec2 {
    use divan::Bencher;

    use super::{Method, SIZES, measure};

    #[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
    fn first(bencher: Bencher<'_, '_>, instances: usize) {
        measure::first(bencher, Method::Ec2, instances);
    }
}
