//! What no single value's type can say: whether the values make sense together and on this machine.

use std::net::SocketAddr;
use std::path::Path;

use super::{Config, Endpoint, Tls};

/// Every complaint, with the key it belongs to.
pub(super) fn judge(config: &Config) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    domain(config, &mut out);
    level(config, &mut out);
    listens(config, &mut out);
    push(config, &mut out);
    addresses(config, &mut out);
    tls(config, &mut out);
    numbers(config, &mut out);
    out
}

type Complaints = Vec<(&'static str, String)>;

/// What the longest device and account names leave of [`ntm_wire::fqdn::MAX_NAME`].
const MAX_DOMAIN: usize = 62;

fn domain(config: &Config, out: &mut Complaints) {
    let len = config.domain.0.as_str().len();
    if len > MAX_DOMAIN {
        let message = format!(
            "is {len} characters long: names below it must fit a message, so {MAX_DOMAIN} is the most"
        );
        out.push(("domain", message));
    }
}

fn level(config: &Config, out: &mut Complaints) {
    let level = &config.log.level;
    let filter = tracing_subscriber::EnvFilter::try_new(level);
    // A word alone is taken as a module's name: a misspelt level would silence everything.
    let unknown = level.split(',').find(|d| !is_directive(d));
    if let Some(word) = unknown.or(filter.is_err().then_some(level)) {
        let message = format!("{word:?} is no level: write error, warn, info, debug or trace");
        out.push(("log.level", message));
    }
}

fn is_directive(text: &str) -> bool {
    let (_, level) = text.rsplit_once('=').unwrap_or(("", text));
    level.parse::<tracing::level_filters::LevelFilter>().is_ok()
}

fn listens(config: &Config, out: &mut Complaints) {
    let lists = [
        ("as.listen", &config.account_server.listen),
        ("dc.listen", &config.dc.listen),
        ("rs.listen", &config.rs.listen),
    ];
    for (key, list) in lists {
        if list.is_empty() {
            let message = "is empty: name at least one address and port, like 0.0.0.0:7930";
            out.push((key, message.to_owned()));
        }
        if let Some(twice) = first_double(list) {
            out.push((key, format!("names {twice} twice: leave one out")));
        }
    }
    for endpoint in config.dc.listen.iter().filter(|e| e.0.port() != 0) {
        if config.rs.listen.contains(endpoint) != (config.dc.listen == config.rs.listen) {
            let message = "shares only some addresses with rs.listen: name the same list in both, or none of the same".to_owned();
            out.push(("dc.listen", message));
            break;
        }
    }
}

/// Nodes look for the wake service at the addresses of the DC, which they know.
fn push(config: &Config, out: &mut Complaints) {
    let (key, listen) = ("dc.push.listen", &config.dc.push.listen);
    if let Some(twice) = first_double(listen) {
        out.push((key, format!("names {twice} twice: leave one out")));
    }
    let is_known = |e: &Endpoint| {
        let port = e.0.port();
        port == 0 || config.dc.listen.iter().any(|d| d.0.port() == port)
    };
    // With addresses told by hand the operator maps ports as he likes.
    if config.dc.public.is_empty()
        && let Some(other) = listen.iter().find(|e| !is_known(e))
    {
        let port = other.0.port();
        let message = format!(
            "has port {port}, where no node looks: name a port of dc.listen, or 0 for the same one"
        );
        out.push((key, message));
    }
}

fn first_double(list: &[Endpoint]) -> Option<SocketAddr> {
    let fixed = |e: &&Endpoint| e.0.port() != 0;
    let mut rest = list.iter();
    while let Some(head) = rest.next() {
        if fixed(&head) && rest.clone().any(|e| e == head) {
            return Some(head.0);
        }
    }
    None
}

fn addresses(config: &Config, out: &mut Complaints) {
    if config.public_addresses.iter().any(|a| a.is_unspecified()) {
        let message =
            "others can't send to 0.0.0.0 or ::: name the address they reach this machine at";
        out.push(("public_addresses", message.to_owned()));
    }
    for (key, list) in [
        ("dc.public", &config.dc.public),
        ("rs.public", &config.rs.public),
    ] {
        if list
            .iter()
            .any(|a| a.ip().is_unspecified() || a.port() == 0)
        {
            let message =
                "nodes can't send to 0.0.0.0, :: or port 0: name the address and port they reach";
            out.push((key, message.to_owned()));
        }
    }
}

fn tls(config: &Config, out: &mut Complaints) {
    let server = &config.account_server;
    let files = [
        ("as.tls_certificate_file", &server.tls_certificate_file),
        ("as.tls_key_file", &server.tls_key_file),
    ];
    for (key, path) in files {
        match (server.tls, path.as_os_str().is_empty()) {
            (Tls::Files, true) => {
                let message = "is empty: name the PEM file, or set as.tls = \"self-signed\"";
                out.push((key, message.to_owned()));
            }
            (Tls::Files, false) => readable(key, path, out),
            (Tls::SelfSigned, false) => {
                let message = "is set but not used: set as.tls = \"files\" to use it";
                out.push((key, message.to_owned()));
            }
            (Tls::SelfSigned, true) => {}
        }
    }
    url("as.url", &server.url, out);
}

fn url(key: &'static str, url: &str, out: &mut Complaints) {
    if !url.is_empty() && !url.starts_with("https://") {
        let message =
            format!("{url:?} does not begin with https://: the Account Server speaks nothing else");
        out.push((key, message));
    }
}

fn readable(key: &'static str, path: &Path, out: &mut Complaints) {
    if let Err(error) = std::fs::File::open(path) {
        let path = path.display();
        out.push((key, format!("{path} can't be read: {error}")));
    }
}

fn numbers(config: &Config, out: &mut Complaints) {
    let positive = [
        ("dc.poll_s", config.dc.poll_s),
        ("dns.timeout_ms", config.dns.timeout_ms),
        ("rs.max_legs", config.rs.max_legs as u64),
        (
            "dc.push.max_connections",
            config.dc.push.max_connections as u64,
        ),
    ];
    for (key, value) in positive {
        if value == 0 {
            out.push((key, "must be at least 1".to_owned()));
        }
    }
}
