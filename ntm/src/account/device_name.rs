//! What a device is called when its owner does not say.

/// The machine's own name as a label, or `device`.
pub fn default_device_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .or_else(|| std::env::var("HOSTNAME").ok());
    label(host.as_deref().unwrap_or_default())
}

fn label(host: &str) -> String {
    let first = host.trim().split('.').next().unwrap_or_default();
    let legal: String = first
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(32)
        .collect();
    match legal.trim_matches('-') {
        "" | "localhost" => "device".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_becomes_a_label() {
        for (host, expected) in [
            ("Annas_MacBook.local\n", "annas-macbook"),
            ("", "device"),
            ("localhost", "device"),
            ("--", "device"),
        ] {
            assert_eq!(label(host), expected, "{host:?}");
        }
    }
}
