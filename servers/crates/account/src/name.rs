//! Which names accounts and devices may have.

use ntm_account_api::error::ErrorCode;
use ntm_wire::fqdn::Fqdn;

use crate::Refusal;

/// Names that people would take for the operator, or that mean something in DNS and mail.
const RESERVED: [&str; 16] = [
    "abuse",
    "admin",
    "administrator",
    "as",
    "dc",
    "echo",
    "hostmaster",
    "legato",
    "localhost",
    "mail",
    "ntm",
    "postmaster",
    "root",
    "rs",
    "security",
    "www",
];

const MAX_LEN: usize = 32;

/// The whole name of the account that `text` means: `alice`, `alice@example.org` or
/// `alice.example.org`. The first domain is the one of bare names.
pub fn account(text: &str, domains: &[Fqdn]) -> Result<Fqdn, Refusal> {
    let bad = || Refusal::new(ErrorCode::BadAccountName);
    let text = text.trim();
    let fqdn = if text.contains(['.', '@']) {
        Fqdn::parse(text).map_err(|_| bad())?
    } else {
        let domain = domains.first().ok_or_else(bad)?;
        domain.child(text).map_err(|_| bad())?
    };
    if !is_label(fqdn.first_label()) {
        return Err(bad());
    }
    match fqdn.parent() {
        Some(domain) if domains.contains(&domain) => Ok(fqdn),
        _ => Err(elsewhere(domains)),
    }
}

fn elsewhere(domains: &[Fqdn]) -> Refusal {
    let all: Vec<&str> = domains.iter().map(Fqdn::as_str).collect();
    let message = format!(
        "this server has accounts under {} only: choose such a name",
        all.join(" and ")
    );
    Refusal::because(ErrorCode::BadAccountName, message)
}

/// Whether anybody may have this account.
pub fn is_reserved(account: &Fqdn) -> bool {
    RESERVED.contains(&account.first_label())
}

/// The whole name of a device.
pub fn device(name: &str, account: &Fqdn) -> Result<Fqdn, Refusal> {
    let bad = |_| Refusal::new(ErrorCode::BadDeviceName);
    if !is_label(name) {
        return Err(ErrorCode::BadDeviceName.into());
    }
    let device = account.child(name).map_err(bad)?;
    let fits = device.fits_wire();
    fits.then_some(device)
        .ok_or(ErrorCode::BadDeviceName.into())
}

fn is_label(label: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    // Two hyphens in third place are Punycode, whose letters are other people's look-alikes.
    (1..=MAX_LEN).contains(&label.len())
        && label.bytes().all(legal)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.get(2..4) != Some("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains() -> Vec<Fqdn> {
        vec![Fqdn::parse("example.org").unwrap()]
    }

    #[test]
    fn a_bare_name_and_a_whole_one_mean_the_same_account() {
        let whole = account("alice@example.org", &domains());
        assert_eq!(account("Alice", &domains()), whole);
        assert_eq!(account("alice.example.org", &domains()), whole);
    }

    #[test]
    fn names_of_other_domains_and_deeper_names_are_refused() {
        for text in [
            "alice@example.net",
            "a.b.example.org",
            "example.org",
            "xn--lice-5cd",
            "a_b",
            "",
            "-a",
        ] {
            let refused = account(text, &domains()).unwrap_err();
            assert_eq!(refused.code, ErrorCode::BadAccountName, "{text:?}");
        }
    }
}
