//! What the three programs have in common: a line of standard input is a datagram, and a datagram a line of
//! standard output, as with `ntm nc -u`. On standard error a program says `ready` when it can be called and
//! `up` when datagrams go both ways.

use std::io::{BufRead as _, Write as _};

use tokio::sync::mpsc;

/// Standard input's lines. A thread reads them: tokio's own standard input hands over in blocks.
pub fn lines() -> mpsc::UnboundedReceiver<Vec<u8>> {
    let (to, from) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        for line in lines {
            if to.send(line.into_bytes()).is_err() {
                break;
            }
        }
    });
    from
}

/// A datagram that came.
pub fn came(datagram: &[u8]) {
    let mut out = std::io::stdout().lock();
    // The reader went away: the lab ends this program next.
    let _ = out.write_all(&[datagram, b"\n"].concat());
    let _ = out.flush();
}

/// A word of the protocol with the lab.
pub fn tell(word: &str) {
    let _ = writeln!(std::io::stderr(), "{word}");
}
