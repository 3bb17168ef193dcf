//! Inputs that nobody thought of: pieces of a corpus, cut, doubled, swapped and spoilt, from a seed.

/// Longest input, in bytes.
const INPUT_BYTES_MAX: usize = 16 * 1024;
/// Most inputs that are mutated.
const KEPT_MAX: usize = 512;
/// Most changes of one input.
const CHANGES_MAX: usize = 6;
/// What means something to what is fuzzed.
const WORDS: [&[u8]; 36] = [
    b"r1#",
    b"r1>",
    b"r1(config)#",
    b"\r\n",
    b"\r",
    b"\x08",
    b"\x1b[K",
    b"\x1b[2K",
    b"\x1b[9999999999D",
    b"\x1b]0;",
    b"--More--",
    b" --More-- ",
    b"Password: ",
    b"[edit]",
    b"\xc3",
    b"\xff",
    b"\0",
    b"]]>]]>",
    b"\n##\n",
    b"\n#5\n",
    b"\n#4294967295\n",
    b"<!DOCTYPE",
    b"<![CDATA[",
    b"&#0;",
    b"&amp;",
    b"xmlns:a=\"b\"",
    b"</rpc-reply>",
    b"nc:operation=\"delete\"",
    b"(?P<name>",
    b"{9999}",
    b"\\p{L}",
    b"*a",
    b"&a [*a,*a]",
    b"- ",
    b": ",
    b"no ",
];

/// A stream of inputs.
pub struct Mutator {
    state: u64,
    corpus: Vec<Vec<u8>>,
}

impl Mutator {
    /// What follows from `seed` and a corpus, which is not empty.
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>) -> Self {
        Self { state: seed, corpus }
    }

    /// From now on `input` is mutated too.
    pub fn keep(&mut self, input: Vec<u8>) {
        if self.corpus.len() < KEPT_MAX {
            self.corpus.push(input);
        }
    }

    /// The next input.
    pub fn next(&mut self) -> Vec<u8> {
        let mut input = self.one();
        for _ in 0..=self.below(CHANGES_MAX) {
            self.change(&mut input);
        }
        input.truncate(INPUT_BYTES_MAX);
        input
    }

    fn one(&mut self) -> Vec<u8> {
        let at = self.below(self.corpus.len());
        self.corpus[at].clone()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (one, other) = (self.below(input.len() + 1), self.below(input.len() + 1));
        let (from, to) = (one.min(other), one.max(other));
        match self.below(8) {
            0 => {
                input.drain(from..to);
            }
            1 => {
                let piece = input[from..to].to_vec();
                let times = self.below(64);
                let room = INPUT_BYTES_MAX.saturating_sub(input.len()) / piece.len().max(1);
                for _ in 0..times.min(room) {
                    input.splice(from..from, piece.iter().copied());
                }
            }
            2 => {
                let donor = self.one();
                let cut = self.below(donor.len() + 1);
                input.truncate(from);
                input.extend_from_slice(&donor[cut..]);
            }
            3 | 4 => {
                let word = WORDS[self.below(WORDS.len())];
                input.splice(from..from, word.iter().copied());
            }
            5 => {
                let byte = self.byte();
                if let Some(place) = input.get_mut(from) {
                    *place = byte;
                }
            }
            6 => {
                if let Some(place) = input.get_mut(from) {
                    *place ^= 1 << (to % 8);
                }
            }
            _ => {
                let byte = self.byte();
                input.insert(from, byte);
            }
        }
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.draw() >> 56).unwrap_or_default()
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.draw() % end.max(1) as u64).unwrap_or_default()
    }

    /// `SplitMix64`.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
