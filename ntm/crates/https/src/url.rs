//! `https://host[:port]`, and nothing behind it.

use crate::HttpsError;

/// Where to connect, and the name to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Host name or IP address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    pub(crate) fn parse(url: &str) -> Result<Self, HttpsError> {
        parse(url).ok_or_else(|| HttpsError::BadUrl(url.to_owned()))
    }

    /// One server's URLs with spaces between them: the same server, reached over IPv4 and over IPv6.
    pub(crate) fn parse_all(urls: &str) -> Result<Vec<Self>, HttpsError> {
        let all: Vec<Self> = urls
            .split_whitespace()
            .map(Self::parse)
            .collect::<Result<_, _>>()?;
        if all.is_empty() {
            return Err(HttpsError::BadUrl(urls.to_owned()));
        }
        Ok(all)
    }

    /// As in the Host header.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

fn parse(url: &str) -> Option<Target> {
    let authority = url.strip_prefix("https://")?.trim_end_matches('/');
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(port) => port.parse().ok()?,
        None if port.is_empty() => 443,
        None => return None,
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
    (!host.is_empty() && host.chars().all(legal)).then(|| Target {
        host: host.to_owned(),
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_taken_with_and_without_port() {
        for (url, host, port) in [
            ("https://example.org", "example.org", 443),
            ("https://example.org:7443/", "example.org", 7443),
            ("https://192.0.2.1:1", "192.0.2.1", 1),
            ("https://[2001:db8::1]", "2001:db8::1", 443),
            ("https://[2001:db8::1]:8", "2001:db8::1", 8),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port), "{url}");
        }
    }

    #[test]
    fn anything_else_is_no_server_address() {
        for url in [
            "http://example.org",
            "example.org",
            "https://",
            "https://a/b",
            "https://a:x",
            "https://u@a",
            "https://[::1]x",
        ] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
