//! How much others may occupy, and what was refused.

/// What others may occupy at most; beyond it they are refused, and this device goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once, in whatever state.
    pub calls: usize,
    /// Calls from one device that nobody answered yet.
    pub ringing_from_one: usize,
    /// Calls from one device in ten seconds that it gives up before anybody answers.
    pub cancelled_from_one: u32,
    /// Answers remembered for repeated requests; the oldest go first. About 1 kB each.
    pub remembered: usize,
    /// Texts from one device in ten seconds.
    pub texts_from_one: u32,
    /// Events not fetched yet: beyond it new calls and texts are refused.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 256,
            ringing_from_one: 4,
            cancelled_from_one: 20,
            remembered: 2048,
            texts_from_one: 50,
            events: 1024,
        }
    }
}

/// What was received and what became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams received.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Not SIP, or not whole.
    pub malformed: u64,
    /// About somebody else's call, or answers from where nothing was asked.
    pub strangers: u64,
    /// Beyond a limit.
    pub refused: u64,
}
