//! `ntm-sim ports`.

use std::time::Duration;

use clap::Args;
use ntm_sim::net::Ports;
use ntm_sim::prediction::Bet;
use serde_json::json;

/// Linux as it is has no such NAT: `ntm-lab ports` measures that.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Tries of each line and number of guesses.
    #[arg(long, default_value_t = 2000)]
    tries: u64,
    /// The first try's seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// From the last look at a port until the packet to the peer, in ms: an observation has to reach the peer.
    #[arg(long, default_value_t = 100, value_name = "MS")]
    delay: u64,
    /// A JSON object per line.
    #[arg(long)]
    json: bool,
}

const KINDS: [(&str, Ports); 2] = [("sequential", Ports::Sequential), ("random", Ports::Random)];
const OTHERS: [f64; 5] = [0.0, 1.0, 10.0, 50.0, 200.0];
/// One, what the limit of eight candidates leaves, and more.
const GUESSES: [u16; 4] = [1, 5, 16, 64];

pub(super) fn run(arguments: &Arguments) -> bool {
    if !arguments.json {
        println!("ports       others' connections/s   met by 1, 5, 16, 64 guesses");
    }
    for (name, ports) in KINDS {
        for others in OTHERS {
            let shares = GUESSES.map(|guesses| {
                let delay = Duration::from_millis(arguments.delay);
                let bet = Bet {
                    ports,
                    others,
                    guesses,
                    delay,
                };
                bet.share(arguments.tries, arguments.seed)
            });
            show(arguments, name, others, shares);
        }
    }
    true
}

fn show(arguments: &Arguments, name: &str, others: f64, shares: [f64; 4]) {
    if arguments.json {
        let line = json!({ "ports": name, "others": others, "guesses": GUESSES, "met": shares });
        println!("{line}");
        return;
    }
    let percent = shares.map(|s| format!("{:5.1} %", s * 100.0)).join(" ");
    println!("{name:<11} {others:>22}   {percent}");
}
