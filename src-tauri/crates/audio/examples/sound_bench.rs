//! Figures of sound for the bench, a JSON object a line:
//!
//! - `sound-bench echo [--far FAR.wav --near NEAR.wav]`: bar 10, offline, in a simulated room; `--out DIR` keeps what PESQ wants;
//! - `scripts/vsound sound-bench latency [--runs N] [--low] [--system pipewire|pulseaudio|alsa]`: mouth to ear, bar 1;
//! - `scripts/vsound sound-bench unplug`: bar 9;
//! - `scripts/vsound sound-bench cpu`: what one call's audio thread costs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench that can't go on says why and ends"
)]

#[path = "../tests/support/bus.rs"]
mod bus;
#[path = "sound_bench/call.rs"]
mod call;
#[path = "sound_bench/echo.rs"]
mod echo;
#[cfg(target_os = "linux")]
#[path = "sound_bench/latency.rs"]
mod latency;
#[path = "../tests/support/signal.rs"]
mod signal;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("echo") => echo::run(&arguments),
        #[cfg(target_os = "linux")]
        Some("latency") => latency::mouth_to_ear(&arguments),
        #[cfg(target_os = "linux")]
        Some("unplug") => latency::unplug(),
        #[cfg(target_os = "linux")]
        Some("cpu") => latency::cpu(),
        _ => {
            eprintln!("usage: sound-bench echo | latency | unplug | cpu");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// The value after `--name`.
fn option<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(String::as_str)
}

/// One line of the bench's results. A threshold of `("<=", 55.0)` is passed by values up to it.
#[expect(clippy::print_stdout, reason = "the results are its output")]
fn result(
    bar: u32,
    condition: &str,
    metric: &str,
    value: f64,
    unit: &str,
    threshold: Option<(&str, f64)>,
    runs: usize,
) {
    let pass = threshold.map(|(how, bound)| {
        if how == "<=" {
            value <= bound
        } else {
            value >= bound
        }
    });
    let threshold = threshold.map(|(how, bound)| format!("{how} {bound}"));
    let value = (value * 100.0).round() / 100.0;
    let line = serde_json::json!({ "bar": bar, "condition": condition, "metric": metric, "value": value, "unit": unit,
        "threshold": threshold, "pass": pass, "runs": runs });
    println!("{line}");
}
