//! What a wire does to messages: decided by the seed's dice, message by message.

use crate::dice::Dice;
use std::collections::{BTreeMap, VecDeque};
use switchyard_proto::agent_v1::connect_request::Message as Up;
use switchyard_proto::agent_v1::connect_response::Message as Down;
use switchyard_proto::agent_v1::{ConnectRequest, ConnectResponse, Hello, Result as Reported};
use switchyard_proto::v1::OutcomeClass;

/// Messages of each direction that are remembered, to be replayed.
const REMEMBERED_MAX: usize = 256;
/// An attempt that nobody ever makes.
const NEVER_MADE: u32 = 77;
/// How far ahead the epoch of a forged Hello is.
const AHEAD: u64 = 1000;

/// The state of one wire.
pub struct Tricks {
    dice: Dice,
    /// How often something is done; never when 0.
    zeal: u64,
    session: u64,
    past_up: VecDeque<(u64, ConnectRequest)>,
    past_down: VecDeque<(u64, ConnectResponse)>,
    /// A result that goes after the next message.
    held: Option<ConnectRequest>,
    counts: BTreeMap<&'static str, u64>,
}

impl Tricks {
    /// The tricks of one seed and site.
    pub fn new(seed: u64, site: &str) -> Self {
        let mut dice = Dice::new(seed, &format!("wire {site}"));
        let zeal = dice.pick(&[0, 0, 0, 1, 3]);
        let (past_up, past_down) = (VecDeque::new(), VecDeque::new());
        Self { dice, zeal, session: 0, past_up, past_down, held: None, counts: BTreeMap::new() }
    }

    /// Whether nothing is ever done to a message.
    pub fn is_honest(&self) -> bool {
        self.zeal == 0
    }

    /// How many of what was done.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// A stream begins; what was held back went down with the one before.
    pub fn new_session(&mut self) {
        self.session += 1;
        self.held = None;
    }

    /// What was held back goes up before `message`.
    pub fn honestly(&mut self, message: ConnectRequest) -> Vec<ConnectRequest> {
        self.held.take().into_iter().chain([message]).collect()
    }

    /// What goes up in the place of `message`.
    pub fn up(&mut self, message: ConnectRequest) -> Vec<ConnectRequest> {
        remember(&mut self.past_up, self.session, &message);
        let mut out = match &message.message {
            Some(Up::Hello(hello)) => return vec![self.hello(hello.clone(), message.clone())],
            Some(Up::Result(result)) => self.result(&result.clone(), message),
            _ if self.does(15, "messages sent twice") => vec![message.clone(), message],
            _ => vec![message],
        };
        if self.rolls(20) {
            let old = self.old_up();
            out.extend(self.counted("messages of old sessions replayed", old));
        }
        out
    }

    /// What goes down in the place of `message`.
    pub fn down(&mut self, message: ConnectResponse) -> Vec<ConnectResponse> {
        remember(&mut self.past_down, self.session, &message);
        let mut out = match &message.message {
            Some(Down::Welcome(_)) => return vec![message],
            Some(Down::Assignment(_)) if self.does(80, "assignments sent twice") => {
                vec![message.clone(), message]
            }
            Some(Down::Ack(_)) if self.does(40, "acks sent twice") => vec![message.clone(), message],
            _ if self.does(15, "messages sent twice") => vec![message.clone(), message],
            _ => vec![message],
        };
        if self.rolls(40) {
            let old = self.old_down(true, |message| matches!(message, Down::Assignment(_) | Down::Ack(_)));
            out.extend(self.counted("old assignments and acks sent again", old));
        }
        if self.rolls(20) {
            let old = self.old_down(false, |message| !matches!(message, Down::Welcome(_)));
            out.extend(self.counted("messages of old sessions replayed", old));
        }
        out
    }

    fn rolls(&mut self, per_mille: u64) -> bool {
        self.dice.chance(per_mille * self.zeal)
    }

    fn counted<T>(&mut self, what: &'static str, done: Option<T>) -> Option<T> {
        if done.is_some() {
            *self.counts.entry(what).or_default() += 1;
        }
        done
    }

    fn does(&mut self, per_mille: u64, what: &'static str) -> bool {
        let rolled = self.rolls(per_mille).then_some(());
        self.counted(what, rolled).is_some()
    }

    fn hello(&mut self, hello: Hello, honest: ConnectRequest) -> ConnectRequest {
        let epochs = |coordinator_epoch, site_epoch| {
            let hello = Hello { coordinator_epoch, site_epoch, ..hello.clone() };
            ConnectRequest { message: Some(Up::Hello(hello)), ..honest.clone() }
        };
        if self.does(60, "hellos of an older epoch") {
            epochs(0, 0)
        } else if self.does(40, "hellos of a newer epoch") {
            epochs(hello.coordinator_epoch + AHEAD, hello.site_epoch)
        } else {
            honest
        }
    }

    fn result(&mut self, result: &Reported, message: ConnectRequest) -> Vec<ConnectRequest> {
        let forged =
            |result: Reported| ConnectRequest { message: Some(Up::Result(result)), ..message.clone() };
        let mut out = self.held.take().into_iter().collect::<Vec<_>>();
        if out.is_empty() && self.does(60, "results in another order") {
            self.held = Some(message);
            return out;
        }
        out.insert(0, message.clone());
        if self.does(60, "results sent twice") {
            out.push(message.clone());
        }
        if self.rolls(20) {
            let other = contradicted(result).map(forged);
            out.extend(self.counted("conflicting results", other));
        }
        if self.does(30, "results of work never assigned")
            && let Some(operation) = result.operation.clone()
        {
            let operation = Some(switchyard_proto::agent_v1::Operation { attempt: NEVER_MADE, ..operation });
            out.push(forged(Reported { operation, ..result.clone() }));
        }
        out
    }

    fn old_up(&mut self) -> Option<ConnectRequest> {
        let session = self.session;
        let is_old = |(of, message): &&(u64, ConnectRequest)| {
            *of < session && !matches!(message.message, Some(Up::Hello(_)))
        };
        let old: Vec<_> = self.past_up.iter().filter(is_old).collect();
        let at = self.dice.below(old.len().max(1) as u64);
        old.get(usize::try_from(at).ok()?).map(|(_, message)| message.clone())
    }

    /// One of this session, or of one before it.
    fn old_down(&mut self, of_this: bool, wanted: impl Fn(&Down) -> bool) -> Option<ConnectResponse> {
        let session = self.session;
        let is_old = |(of, message): &&(u64, ConnectResponse)| {
            (*of == session) == of_this && message.message.as_ref().is_some_and(&wanted)
        };
        let old: Vec<_> = self.past_down.iter().filter(is_old).collect();
        let at = self.dice.below(old.len().max(1) as u64);
        old.get(usize::try_from(at).ok()?).map(|(_, message)| message.clone())
    }
}

fn remember<T: Clone>(past: &mut VecDeque<(u64, T)>, session: u64, message: &T) {
    past.push_back((session, message.clone()));
    if past.len() > REMEMBERED_MAX {
        past.pop_front();
    }
}

/// The same result with another end, if it has one that can be contradicted.
fn contradicted(result: &Reported) -> Option<Reported> {
    let outcome = result.outcome.clone()?;
    let class = outcome.class();
    let contrary = [(OutcomeClass::Ok, OutcomeClass::Rejected), (OutcomeClass::Rejected, OutcomeClass::Ok)];
    let (_, class) = contrary.into_iter().find(|(of, _)| *of == class)?;
    let mut other = outcome;
    other.set_class(class);
    Some(Reported { outcome: Some(other), ..result.clone() })
}
