//! Links that ask for a call (`legato:bob@example.org`, `sip:bob@example.org`), and those of servers (`legato://invite/...`,
//! `legato://server/...`). A link never does anything by itself: it fills the dialler or the sign-in, and a person decides.

use std::sync::{Mutex, PoisonError};

use tauri::{AppHandle, Manager as _, Runtime};
use tauri_plugin_deep_link::DeepLinkExt as _;
use voice_app::AppEvent;

use crate::host::Host;
use crate::window;

/// No link that means anything here is longer.
const LONGEST: usize = 2048;
/// What of a server's makes a link: an invitation to it, and its own introduction.
const SERVERS: [&str; 2] = ["//invite/", "//server/"];

/// Follows links that the system hands over from now on.
pub(crate) fn listen<R: Runtime>(app: &AppHandle<R>) {
    let handle = app.clone();
    app.deep_link().on_open_url(move |event| {
        event
            .urls()
            .iter()
            .for_each(|url| follow(&handle, url.as_str()));
    });
    #[cfg(mobile)]
    if let Ok(Some(urls)) = app.deep_link().get_current() {
        // The one that started the program came before anybody listened.
        urls.iter().for_each(|url| follow(app, url.as_str()));
    }
}

/// Follows one; what is no link of ours is left alone.
pub(crate) fn follow<R: Runtime>(app: &AppHandle<R>, link: &str) {
    let Some(name) = wanted(link) else {
        tracing::info!("a link that is none of Legato's was not followed");
        return;
    };
    window::show(app);
    if let Some(host) = app.try_state::<Host>()
        && let Some(name) = host.links().pass(name)
    {
        host.desk().tell(AppEvent::DeepLink { name });
    }
}

/// Links come before the page can hear them: one that starts the program always does. The last is kept until the page asks.
#[derive(Debug, Default)]
pub struct Links(Mutex<Page>);

#[derive(Debug)]
enum Page {
    Loads { kept: Option<String> },
    Listens,
}

impl Default for Page {
    fn default() -> Self {
        Self::Loads { kept: None }
    }
}

impl Links {
    /// Gives the link back if the page hears what it is told, and keeps it otherwise.
    pub fn pass(&self, link: String) -> Option<String> {
        let mut page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *page {
            Page::Listens => Some(link),
            Page::Loads { kept } => {
                *kept = Some(link);
                None
            }
        }
    }

    /// The page is loaded anew: until it asks, links are kept.
    pub fn keep(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Page::default();
    }

    /// The page listens from now on; what was kept for it.
    pub fn listen(&self) -> Option<String> {
        let mut page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *page, Page::Listens) {
            Page::Loads { kept } => kept,
            Page::Listens => None,
        }
    }
}

/// What the dialler, or the sign-in, is filled with.
pub fn wanted(link: &str) -> Option<String> {
    let link = link.trim();
    if link.len() > LONGEST || link.chars().any(char::is_control) {
        return None;
    }
    let (scheme, rest) = link.split_once(':')?;
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    if is("legato") && SERVERS.iter().any(|way| rest.starts_with(way)) {
        return Some(format!("legato:{rest}"));
    }
    if !is("legato") && !is("sip") {
        return None;
    }
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let rest = rest.strip_prefix("call/").unwrap_or(rest);
    // Parameters and headers of a SIP address are not for whoever clicked.
    let name = rest.split([';', '?', '/', '#']).next()?;
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | '+');
    (!name.is_empty() && name.chars().all(is_name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_before_the_page_is_kept_for_it_and_given_once() {
        let links = Links::default();
        let link = || "bob@example.org".to_owned();
        assert_eq!(links.pass("alice@example.org".to_owned()), None);
        assert_eq!(links.pass(link()), None, "nobody hears yet");
        assert_eq!(links.listen(), Some(link()), "the last one");
        assert_eq!(links.pass(link()), Some(link()), "the page is told");
        assert_eq!(links.listen(), None, "and not twice");
        links.keep();
        assert_eq!(links.pass(link()), None, "it is loaded anew");
        assert_eq!(links.listen(), Some(link()));
    }

    #[test]
    fn a_link_gives_a_name_and_never_what_hangs_on_it() {
        for (link, name) in [
            ("legato:bob@example.org", Some("bob@example.org")),
            ("legato://bob@example.org/", Some("bob@example.org")),
            ("legato://call/bob@example.org", Some("bob@example.org")),
            ("SIP:bob@example.org", Some("bob@example.org")),
            (
                "sip:bob@example.org;transport=tcp?subject=x",
                Some("bob@example.org"),
            ),
            ("legato://invite/abc", Some("legato://invite/abc")),
            ("legato://server/abc", Some("legato://server/abc")),
            ("https://example.org", None),
            ("legato:", None),
            ("legato:<script>", None),
            ("sip:bob\n@example.org", None),
            ("bob@example.org", None),
        ] {
            assert_eq!(wanted(link).as_deref(), name, "{link}");
        }
    }
}
