//! RESP2, the wire format: commands as arrays of bulk strings in, replies out.

/// One command with its arguments.
pub(crate) type Command = Vec<Vec<u8>>;

/// What the server answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    Simple(&'static str),
    Error(String),
    Int(i64),
    Bulk(Vec<u8>),
    Nil,
    NilArray,
    Array(Vec<Self>),
}

impl Reply {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Bulk(text.into().into_bytes())
    }

    pub(crate) fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).expect("the model stays small"))
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut line = |kind: char, text: &dyn std::fmt::Display| {
            out.extend_from_slice(format!("{kind}{text}\r\n").as_bytes());
        };
        match self {
            Self::Simple(text) => line('+', text),
            Self::Error(text) => line('-', text),
            Self::Int(number) => line(':', number),
            Self::Nil => line('$', &-1),
            Self::NilArray => line('*', &-1),
            Self::Bulk(bytes) => {
                line('$', &bytes.len());
                out.extend_from_slice(bytes);
                out.extend_from_slice(b"\r\n");
            }
            Self::Array(parts) => {
                line('*', &parts.len());
                parts.iter().for_each(|part| part.encode(out));
            }
        }
    }

    /// Short, for the trace.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Simple(text) => (*text).into(),
            Self::Error(text) => format!("-{text}"),
            Self::Int(number) => number.to_string(),
            Self::Nil | Self::NilArray => "nil".into(),
            Self::Bulk(bytes) if bytes.len() > 24 => format!("<{} bytes>", bytes.len()),
            Self::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Array(parts) => {
                let shown: Vec<_> = parts.iter().map(Self::summary).collect();
                format!("[{}]", shown.join(" "))
            }
        }
    }
}

/// The first whole command of `buffer`, taken out of it.
pub(crate) fn take_command(buffer: &mut Vec<u8>) -> Option<Command> {
    let mut at = 0;
    let count = header(buffer, &mut at, b'*')?;
    let mut command = Vec::with_capacity(count);
    for _ in 0..count {
        let length = header(buffer, &mut at, b'$')?;
        command.push(buffer.get(at..at + length)?.to_vec());
        at += length + 2;
    }
    if at > buffer.len() {
        return None;
    }
    buffer.drain(..at);
    Some(command)
}

fn header(buffer: &[u8], at: &mut usize, kind: u8) -> Option<usize> {
    let line = buffer.get(*at..)?;
    let end = line.windows(2).position(|pair| pair == b"\r\n")?;
    assert_eq!(line[0], kind, "the client speaks RESP2");
    let text = std::str::from_utf8(&line[1..end]).expect("a length is text");
    *at += end + 2;
    Some(text.parse().expect("a length is a number"))
}
