//! Cuts a NETCONF byte stream into messages: by end-of-message marks until the hellos are said, then in chunks.

use zeroize::Zeroizing;

/// Largest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Ends a message of NETCONF 1.0, RFC 6242 section 4.3.
const END: &[u8] = b"]]>]]>";
/// Longest head of a chunk: line feed, number sign, ten digits, line feed.
const HEAD_BYTES_MAX: usize = 13;

/// Why the stream cannot be cut into messages any more. Nothing of it is quoted: it may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// More than [`MESSAGE_BYTES_MAX`].
    #[error("take a message of more than {MESSAGE_BYTES_MAX} bytes")]
    TooLarge,
    /// No head of a chunk where one must be.
    #[error("find a chunk of NETCONF 1.1 at byte {0} of what it sent")]
    NoChunk(u64),
    /// A chunk where a message of NETCONF 1.0 must begin.
    #[error("read a message of NETCONF 1.0: it sent a chunk of NETCONF 1.1")]
    ChunkTooEarly,
    /// A chunk's size is none that RFC 6242 section 4.2 allows.
    #[error("believe the size of the chunk at byte {0} of what it sent")]
    Size(u64),
    /// An end without a chunk before it.
    #[error("read a message without a chunk")]
    Empty,
    /// Not UTF-8.
    #[error("read a message that is not UTF-8")]
    NotText,
}

/// How messages are told apart, RFC 6242 section 4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Marks,
    Chunks,
}

/// The bytes that have come and are not yet a message.
pub struct Framer {
    framing: Framing,
    buffer: Zeroizing<Vec<u8>>,
    /// Bytes that came before those of the buffer.
    passed: u64,
    /// What of the buffer has been looked at.
    at: usize,
    /// The chunks of the message so far.
    message: Zeroizing<Vec<u8>>,
    /// Bytes of the present chunk that are still to come.
    chunk: usize,
    chunks: bool,
}

impl Default for Framer {
    fn default() -> Self {
        Self {
            framing: Framing::Marks,
            buffer: Zeroizing::default(),
            passed: 0,
            at: 0,
            message: Zeroizing::default(),
            chunk: 0,
            chunks: false,
        }
    }
}

impl Framer {
    /// From here on messages come in chunks: both sides know NETCONF 1.1.
    pub fn use_chunks(&mut self) {
        (self.framing, self.at) = (Framing::Chunks, 0);
    }

    /// Takes in what has come; call [`Framer::next`] until it has nothing more before the next one.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, when it is whole. After an error the stream is of no more use.
    pub fn next(&mut self) -> Result<Option<Zeroizing<String>>, FramingError> {
        let message = match self.framing {
            Framing::Marks => self.up_to_mark()?,
            Framing::Chunks => self.of_chunks()?,
        };
        let Some(message) = message else { return Ok(None) };
        let text = std::str::from_utf8(&message).map_err(|_| FramingError::NotText)?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    /// `message` as it goes to the other side.
    pub fn frame(&self, message: &str) -> Zeroizing<Vec<u8>> {
        let mut framed = Zeroizing::new(Vec::with_capacity(message.len() + 2 * HEAD_BYTES_MAX));
        match self.framing {
            Framing::Marks => {
                framed.extend_from_slice(message.as_bytes());
                framed.extend_from_slice(END);
            }
            Framing::Chunks => {
                framed.extend_from_slice(format!("\n#{}\n", message.len()).as_bytes());
                framed.extend_from_slice(message.as_bytes());
                framed.extend_from_slice(b"\n##\n");
            }
        }
        framed
    }

    fn pass(&mut self, bytes: usize) {
        self.buffer.drain(..bytes);
        self.passed += bytes as u64;
    }

    fn up_to_mark(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, FramingError> {
        if let [b'\n', b'#', b'0'..=b'9', ..] = self.buffer[..] {
            return Err(FramingError::ChunkTooEarly);
        }
        // A mark may be split over two reads.
        let from = self.at.saturating_sub(END.len() - 1);
        let found = self.buffer[from..].windows(END.len()).position(|window| window == END);
        let Some(end) = found.map(|found| from + found) else {
            self.at = self.buffer.len();
            if self.buffer.len() > MESSAGE_BYTES_MAX + END.len() {
                return Err(FramingError::TooLarge);
            }
            return Ok(None);
        };
        if end > MESSAGE_BYTES_MAX {
            return Err(FramingError::TooLarge);
        }
        let message = Zeroizing::new(self.buffer[..end].to_vec());
        self.pass(end + END.len());
        self.at = 0;
        Ok(Some(message))
    }

    fn of_chunks(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, FramingError> {
        let end = loop {
            let here = self.chunk.min(self.buffer.len() - self.at);
            self.message.extend_from_slice(&self.buffer[self.at..self.at + here]);
            self.chunk -= here;
            self.at += here;
            if self.chunk > 0 {
                break false;
            }
            match head(&self.buffer[self.at..], self.passed + self.at as u64)? {
                Head::Partly => break false,
                Head::Chunk { size, length } => {
                    if size > MESSAGE_BYTES_MAX - self.message.len() {
                        return Err(FramingError::TooLarge);
                    }
                    (self.chunk, self.chunks) = (size, true);
                    self.at += length;
                }
                Head::End { length } => {
                    self.at += length;
                    break true;
                }
            }
        };
        self.pass(self.at);
        self.at = 0;
        if !end {
            return Ok(None);
        }
        if !std::mem::take(&mut self.chunks) {
            return Err(FramingError::Empty);
        }
        Ok(Some(std::mem::take(&mut self.message)))
    }
}

/// What stands where a chunk may begin.
#[derive(Debug, PartialEq, Eq)]
enum Head {
    Partly,
    Chunk { size: usize, length: usize },
    End { length: usize },
}

/// What stands at the beginning of `bytes`, which is byte `at` of the stream.
fn head(bytes: &[u8], at: u64) -> Result<Head, FramingError> {
    match bytes {
        [] | [b'\n'] | [b'\n', b'#'] | [b'\n', b'#', b'#'] => return Ok(Head::Partly),
        [b'\n', b'#', b'#', b'\n', ..] => return Ok(Head::End { length: 4 }),
        [b'\n', b'#', b'1'..=b'9', ..] => {}
        [b'\n', b'#', b'0', ..] => return Err(FramingError::Size(at)),
        _ => return Err(FramingError::NoChunk(at)),
    }
    let digits = bytes[2..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let length = 2 + digits + 1;
    if length > HEAD_BYTES_MAX {
        return Err(FramingError::Size(at));
    }
    match bytes.get(2 + digits) {
        None => Ok(Head::Partly),
        Some(b'\n') => {
            let size = std::str::from_utf8(&bytes[2..2 + digits]).ok().and_then(|text| text.parse().ok());
            size.map(|size| Head::Chunk { size, length }).ok_or(FramingError::Size(at))
        }
        Some(_) => Err(FramingError::Size(at)),
    }
}

#[cfg(test)]
#[path = "framing/tests.rs"]
mod tests;
