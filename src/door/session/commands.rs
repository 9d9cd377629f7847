//! Every command there is, and how many words each has.

/// How many words a command has, itself included.
#[derive(Clone, Copy)]
pub(super) struct Arity {
    pub(super) least: usize,
    pub(super) most: usize,
}

const ANY: usize = usize::MAX;

/// Every command there is.
pub(super) static ARITIES: [(&str, usize, usize); 37] = [
    ("AUTH", 2, ANY),
    ("CLIENT", 2, ANY),
    ("CLUSTER", 2, ANY),
    ("COMMAND", 1, ANY),
    ("CONFIG", 2, ANY),
    ("DISCARD", 1, 1),
    ("ECHO", 2, 2),
    ("EXEC", 1, 1),
    ("EXISTS", 2, ANY),
    ("GET", 2, 2),
    ("HELLO", 1, ANY),
    ("INFO", 1, ANY),
    ("LLEN", 2, 2),
    ("LPUSH", 3, ANY),
    ("LPUSHX", 3, ANY),
    ("MULTI", 1, 1),
    ("PING", 1, 2),
    ("PSUBSCRIBE", 2, ANY),
    ("PUNSUBSCRIBE", 1, ANY),
    ("QUIT", 1, ANY),
    ("READONLY", 1, 1),
    ("READWRITE", 1, 1),
    ("RESET", 1, 1),
    ("ROLE", 1, 1),
    ("RPUSH", 3, ANY),
    ("RPUSHX", 3, ANY),
    ("SELECT", 2, 2),
    ("SUBSCRIBE", 2, ANY),
    ("TIME", 1, 1),
    ("TYPE", 2, 2),
    ("UNSUBSCRIBE", 1, ANY),
    ("UNWATCH", 1, 1),
    ("WAIT", 3, 3),
    ("WAITAOF", 4, 4),
    ("WATCH", 2, ANY),
    ("XADD", 5, ANY),
    ("XLEN", 2, 2),
];

/// The command of that name, if there is one.
pub(super) fn find(name: &[u8]) -> Option<(&'static str, Arity)> {
    let (name, least, most) = ARITIES.iter().find(|(known, ..)| known.as_bytes() == name)?;
    Some((name, Arity { least: *least, most: *most }))
}
