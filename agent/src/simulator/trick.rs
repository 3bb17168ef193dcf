//! What goes wrong within a session with a device that plays a command line or NETCONF.

use std::fmt;

/// One misbehaviour; everything else is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trick {
    /// Another session holds the configuration, and the device says who.
    Locked,
    /// It says the same to whatever only looks, but for its configuration, and lets whoever writes do so.
    LooksLocked,
    /// It has too many sessions: it says so and ends each new one.
    SessionLimit,
    /// It opens so many channels in one connection and no more, also when they have ended.
    Channels(u8),
    /// It shows the first half of its configuration and then its prompt, or half a message and nothing more.
    Partial,
    /// The same at every second reading.
    HalfReading,
    /// It does not show its defaults.
    DefaultsRefused,
    /// It is asked for its defaults and says nothing any more.
    DefaultsSilent,
    /// Its defaults do not end.
    DefaultsFlood,
    /// It shows the first half of its defaults and then its prompt, to each session once.
    DefaultsHalf,
    /// Its configuration holds a line like its prompt.
    ForgedPrompt,
    /// The same twice, and after each it waits for a key.
    ForgedPrompts,
    /// After the first line its prompt is that of another device.
    OtherPrompt,
    /// A greeting with prompts in it stands before the first prompt.
    Banner,
    /// It pages after every third line, whatever it is told.
    Paging,
    /// It says one byte at a time, each as late as a slow device answers.
    OneByte,
    /// Its configuration has a million lines.
    ManyLines,
    /// It drops the connection when it is told to make a change last, and does not.
    DropBeforeConfirm,
    /// The service of its file does not start with any text.
    ReloadFails,
    /// It drops the connection and what runs once the new file is in place, before its service is told.
    DropBeforeReload,
    /// A chunk of its message is shorter than it says.
    LyingChunk,
    /// Its messages are framed in another way than was agreed.
    WrongFraming,
    /// Its answer is a document type with entities that grow.
    Bomb,
    /// Its answer is nested ten thousand deep.
    Deep,
    /// It shows stars in the place of every password.
    Masked,
    /// It shows the entries of its lists sorted by what they begin with.
    Sorted,
}

impl Trick {
    /// Every one by its word.
    pub const WORDS: [(Self, &'static str); 28] = [
        (Self::Locked, "locked"),
        (Self::LooksLocked, "looks-locked"),
        (Self::SessionLimit, "session-limit"),
        (Self::Channels(1), "one-channel"),
        (Self::Channels(2), "two-channels"),
        (Self::Channels(3), "three-channels"),
        (Self::Partial, "partial"),
        (Self::HalfReading, "half-reading"),
        (Self::DefaultsRefused, "defaults-refused"),
        (Self::DefaultsSilent, "defaults-silent"),
        (Self::DefaultsFlood, "defaults-flood"),
        (Self::DefaultsHalf, "defaults-half"),
        (Self::ForgedPrompt, "forged-prompt"),
        (Self::ForgedPrompts, "forged-prompts"),
        (Self::OtherPrompt, "other-prompt"),
        (Self::Banner, "banner"),
        (Self::Paging, "paging"),
        (Self::OneByte, "one-byte"),
        (Self::ManyLines, "many-lines"),
        (Self::DropBeforeConfirm, "drop-before-confirm"),
        (Self::ReloadFails, "reload-fails"),
        (Self::DropBeforeReload, "drop-before-reload"),
        (Self::LyingChunk, "lying-chunk"),
        (Self::WrongFraming, "wrong-framing"),
        (Self::Bomb, "bomb"),
        (Self::Deep, "deep"),
        (Self::Masked, "masked"),
        (Self::Sorted, "sorted"),
    ];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(trick, _)| *trick == self).map_or("", |(_, word)| word)
    }

    /// The one that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(trick, _)| *trick)
    }
}

impl fmt::Display for Trick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
