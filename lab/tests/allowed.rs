//! Whether this machine lets us make network namespaces, and a loud word where it does not.

/// What `build` makes; `None`, said loudly, where namespaces are not allowed. Any other failure fails.
pub(crate) fn or_skip<T>(build: impl FnOnce() -> anyhow::Result<T>) -> Option<T> {
    if let Err(why) = ntm_lab::lease::is_allowed() {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        eprintln!("\n!!!! SKIPPED {test}: no network namespaces here: {why:#}\n");
        assert!(
            std::env::var_os("NTM_LAB_REQUIRED").is_none(),
            "NTM_LAB_REQUIRED is set, and the lab can't run: {why:#}"
        );
        return None;
    }
    Some(build().expect("a world"))
}
