//! What a command prints: words for people, or JSON for programs.

use std::io::{self, Write as _};

use serde::Serialize;
use serde_json::json;

use super::failure::Failure;

/// Where reports go.
#[derive(Clone, Debug)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// A line for people; nothing in JSON.
    pub(super) fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            print(text.as_ref());
        }
    }

    /// A report for programs, one line; nothing for people.
    pub(super) fn json(&self, report: &impl Serialize) {
        if self.json {
            print(&serde_json::to_string(report).unwrap_or_default());
        }
    }

    /// A remark for people, beside the report.
    pub(super) fn note(&self, text: impl AsRef<str>) {
        let _ = writeln!(io::stderr(), "{}", text.as_ref());
    }

    pub(super) fn failure(&self, failure: &Failure) {
        let exit = failure.exit;
        self.json(&json!({ "error": { "code": exit.slug(), "exit": exit.code(), "message": failure.message } }));
        if !self.json {
            self.note(format!("ntm: {}", failure.message));
        }
    }
}

/// A reader that went away (`| head`) is no failure.
fn print(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
