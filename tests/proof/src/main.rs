//! `rowbill-proof`: runs model, simulation and the failing machine, and prints what they covered.
//!
//! Under the name of `rowbill` it is rowbill: so the binary that is killed is built from the same sources, whenever.

mod parts;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};

/// Shows that the promise of docs/reliability.md holds, and prints what was covered.
#[derive(Debug, Parser)]
#[command(name = "rowbill-proof", version)]
struct Asked {
    /// Stop after so long: 90s, 10m, 2h. Simulation and random kills share what is left of it
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// Only these parts
    #[arg(long, value_enum, value_name = "PART")]
    only: Vec<Part>,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many seeds are simulated; without a number 500, or as many as there is time for
    #[arg(long)]
    seeds: Option<u64>,
    /// So many times it is killed at random; without a number 100, or as often as there is time for
    #[arg(long)]
    kills: Option<u64>,
    /// So many steps deep goes the model
    #[arg(long, default_value_t = 10)]
    depth: usize,
    /// Of the cases at named points, one in so many
    #[arg(long, default_value_t = 1)]
    stride: u64,
    /// Tell all that happens with this seed, and nothing else
    #[arg(long, value_name = "SEED")]
    story: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Every interleaving of faults for one row
    Model,
    /// Whole runs in a simulated world, by seed
    Simulation,
    /// The binary, killed at each passage of each named point, with and without a power cut
    Points,
    /// The binary, killed at random
    Kills,
    /// The binary on a full and on a broken disk
    Disk,
}

/// Between the parts, as they end.
struct Clock {
    asked: Asked,
    began: Instant,
}

impl Clock {
    /// When a part must end, which may use this share of the time that is left.
    fn until(&self, share: f64) -> Option<Instant> {
        let left = self.asked.time?.saturating_sub(self.began.elapsed());
        Some(Instant::now() + left.mul_f64(share))
    }
}

fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let name = std::env::args_os().next().unwrap_or_default();
    if Path::new(&name).file_name().is_some_and(|name| name == "rowbill") {
        return rowbill::cli::main().into();
    }
    let asked = Asked::parse();
    if let Some(seed) = asked.story {
        return parts::story(seed);
    }
    let clock = Clock { asked, began: Instant::now() };
    match parts::all(&clock) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rowbill-proof: {error}");
            ExitCode::FAILURE
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = rowbill::config::shape::parse_duration(text);
    seconds.map(Duration::from_secs).ok_or_else(|| "write it as 90s, 10m or 2h".to_owned())
}
