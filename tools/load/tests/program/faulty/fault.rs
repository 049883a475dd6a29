use std::time::Duration;

/// What a service does wrong. Where nothing else is said, at its tenth post alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: each message once, in order, to whom it is for.
    None,
    /// Accepts a message, and forgets it.
    Lose,
    /// Delivers one twice, under the same version.
    Twice,
    /// Delivers one twice, under two versions.
    TwoVersions,
    /// Delivers one under the version of the one before.
    VersionOfAnother,
    /// Delivers one behind the next of its session.
    OutOfOrder,
    /// Changes the last byte of a body.
    Mangle,
    /// Delivers other bytes than were posted.
    MangleWholly,
    /// Answers each fifth post with this status, and does not take it.
    Refuse(u16),
    /// Answers with this status, and delivers all the same.
    RefuseAndDeliver(u16),
    /// Takes a post and never answers it.
    LeaveUnanswered,
    /// Delivers one more, that was never posted.
    Invent,
    /// Delivers one more, with bytes of nobody's.
    InventBody,
    /// Delivers to another terminal.
    WrongTerminal,
    /// Delivers under another channel of the terminal.
    WrongChannel,
    /// Does not answer the hello with this number, of all from 1 on.
    NoHello(u64),
    /// Gives all terminals that come again another name.
    Forget,
    /// Ends the second connection that says hello.
    HangUp,
    /// Keeps a message with TTL 0 for a terminal that is away.
    KeepTtl0,
    /// The older one of a topic stays, always.
    KeepOlderOfTopic,
    /// Counts a recipient of the first fan-out that got it as one that was away.
    Miscount,
    /// Counts a recipient of the first fan-out twice.
    CountTwice,
    /// Says for ever of the first fan-out that one recipient is left.
    NeverEnd,
    /// Answers the first fan-out with this status, and does nothing.
    RefuseFanOut(u16),
    /// Refuses a recipient of a fan-out, and says so.
    RefuseRecipient,
    /// Gives up a recipient of a fan-out, and says so.
    GiveUp,
    /// Takes one member less into an audience than it was given.
    LeaveOut,
    /// No fault, but slow: each answer to a post takes so long.
    Slow(Duration),
    /// No fault but once: this answer takes so long.
    Stall(Duration),
}
