//! One gNMI session with one device.

use super::back::{Known, way};
use super::commits;
use super::compare::Order;
use super::messages::{cancel, commit, confirm, until_confirmed};
use super::trouble;
use super::wire::Wire;
use super::{change, compare};
use crate::executor::at_length::at_length;
use crate::executor::device::{Difference, Job, Restored, Running, Session, WriteEnd, Written};
use crate::executor::json_secrecy::hide;
use crate::executor::wanted::Wanted;
use crate::executor::{Failure, WritePass, json_order};
use futures_util::future::BoxFuture;
use serde_json::Value;
use switchyard_proto::gnmi::SetRequest;
use switchyard_proto::gnmi::get_request::DataType;
use switchyard_proto::gnmi_ext::commit::Action;
use switchyard_shared::gnmi_path::Path;
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::procedure::{Commit, Mode, Probe};
use tonic::Code;
use zeroize::Zeroizing;

/// Most Sets of one way back: what was changed, keys of lists that were guessed otherwise, and the order of lists.
const WAYS_MAX: usize = 3;

/// An open session.
pub struct GnmiSession {
    wire: Wire,
    commit: Commit,
    /// The name of this attempt's commit.
    id: String,
    /// The change of an earlier session was confirmed in this one.
    has_confirmed: bool,
    /// Keys of lists, as the template writes them.
    known: Known,
}

impl GnmiSession {
    pub(super) fn new(wire: Wire, job: &Job<'_>) -> Self {
        let (commit, id) = (job.procedure.commit.clone(), job.task.op.to_string());
        let template = std::str::from_utf8(&job.task.configuration).map_err(drop);
        let change = template.and_then(|template| change::parse(template).map_err(drop));
        let known = change.map(|change| {
            let replaces = |(path, value): &'_ (Path, Option<Value>)| {
                (job.procedure.mode == Mode::Replace && value.is_some()).then(|| path.clone())
            };
            let replaced: Vec<Path> = change.items.iter().filter_map(replaces).collect();
            Known::of(change.items.iter().map(|(path, _)| path)).replacing(&replaced)
        });
        Self { wire, commit, id, has_confirmed: false, known: known.unwrap_or_default() }
    }

    async fn read_now(&mut self) -> Result<Running, Failure> {
        let tree = self.wire.get(&Path::default(), DataType::Config, Phase::Read).await?;
        Ok(Running(Zeroizing::new(tree.to_string())))
    }

    async fn look_now(&mut self, probe: &Probe) -> Result<String, Failure> {
        let unfit = |message: String| Failure::new(Class::PrecheckFailed, Phase::Validate, message);
        let Probe::GnmiGet { path } = probe else {
            let message = format!("{}: gNMI can look at gnmi_get alone", self.wire.place);
            return Err(unfit(message).with_hint("use a check of another kind, or another transport"));
        };
        let path =
            Path::parse(path).map_err(|error| unfit(format!("{}: failed to {error}", self.wire.place)))?;
        let mut tree = self.wire.get(&path, DataType::All, Phase::Validate).await?;
        hide(&mut tree);
        match self.wire.names.find(&tree, &path) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value) => Ok(value.to_string()),
            None => Err(unfit(format!("{}: nothing stands at {path}", self.wire.place))
                .with_hint("see what the device has there, or correct the path")),
        }
    }

    fn after(&self, running: &Running, wanted: &Wanted, order: Order) -> Result<(Value, Value), String> {
        let before = json(running)?;
        let change = change::parse(wanted.reveal())?;
        compare::can_be_seen(&before, &change)?;
        let after = compare::after(&before, &change, (wanted.mode, order), &self.wire.names)?;
        Ok((before, after))
    }

    async fn write_now(&mut self, pass: &WritePass, wanted: &Wanted) -> Result<Written, WriteEnd> {
        let change = change::parse(wanted.reveal()).map_err(WriteEnd::NotSent)?;
        let request = compare::request(&change, wanted.mode, self.wire.encoding);
        if self.commit.confirmed {
            let mut until = request.clone();
            until.extension.push(commit(&self.id, until_confirmed(self.commit.confirm_timeout)));
            let since = pass.now();
            match self.wire.set(pass, until).await {
                Ok(()) => {
                    return Ok(match commits::waits(&mut self.wire, pass, &self.id).await {
                        true => Written::UntilConfirmed { since },
                        false => Written::ForGood,
                    });
                }
                // It has no such commits, and nothing of this one.
                Err(refusal) if refusal.code == Code::Unimplemented && refusal.is_of_the_device() => {}
                Err(refusal) => {
                    if refusal.was_accepted {
                        // What it took of the change need not stay until it takes that back by itself.
                        let _ = self.tell(pass, cancel()).await;
                    }
                    let end = commits::refused(&mut self.wire, pass, &refusal).await;
                    let is_known = refusal.code != Code::InvalidArgument
                        || commits::are_known(&mut self.wire, pass, &self.id).await;
                    return Err(if is_known { end } else { with_advice(end) });
                }
            }
        }
        self.set(pass, request).await?;
        Ok(Written::ForGood)
    }

    /// Until the device has what it had, or does with a Set no more than with the one before.
    async fn restore_now(
        &mut self,
        pass: &WritePass,
        running: &Running,
        before: &Running,
    ) -> Result<(), WriteEnd> {
        let then = json(before).map_err(WriteEnd::NotSent)?;
        let mut now = json(running).map_err(WriteEnd::NotSent)?;
        let (mut last, mut end, mut guess) = (SetRequest::default(), Ok(()), 0);
        for number in 0..WAYS_MAX {
            let request = way(&now, &then, (&self.known, guess), &self.wire.names, self.wire.encoding);
            let no_way =
                |why| WriteEnd::Rejected { message: format!("failed to {why}"), left_as: LeftAs::Changed };
            let request = request.map_err(no_way)?;
            if request == last || request == SetRequest::default() {
                break;
            }
            end = self.set(pass, request.clone()).await;
            if number > 0 {
                end = end.map_err(WriteEnd::after_a_step);
            }
            match end {
                Ok(()) => {}
                Err(WriteEnd::Rejected { .. }) => guess += 1,
                Err(WriteEnd::NotSent(_) | WriteEnd::NoWay(_) | WriteEnd::Busy(_) | WriteEnd::Lost(_)) => {
                    return end;
                }
            }
            let reading = tokio::time::timeout(self.wire.patience, self.read_now()).await;
            let reading = reading.map_err(|_| "it could not be read after the way back".to_owned());
            let running = reading.and_then(|running| running.map_err(|failure| failure.message));
            now = running.and_then(|running| json(&running)).map_err(WriteEnd::Lost)?;
            if now == then {
                return Ok(());
            }
            last = request;
        }
        end
    }

    async fn set(&mut self, pass: &WritePass, request: SetRequest) -> Result<(), WriteEnd> {
        match self.wire.set(pass, request).await {
            Ok(()) => Ok(()),
            Err(refusal) => Err(commits::refused(&mut self.wire, pass, &refusal).await),
        }
    }

    /// Says something of this attempt's own commit.
    async fn tell(&mut self, pass: &WritePass, action: Action) -> Result<(), WriteEnd> {
        let request = SetRequest { extension: vec![commit(&self.id, action)], ..Default::default() };
        self.wire.set(pass, request).await.map_err(|refusal| trouble::of_set(&refusal))
    }
}

/// What to do about a device that knows no such commits.
fn with_advice(end: WriteEnd) -> WriteEnd {
    match end {
        WriteEnd::Rejected { message, left_as } => WriteEnd::Rejected {
            message: format!(
                "{message}; it refuses the extension of gNMI for confirmed commits alone, too, as a device does that \
                 does not know it: if so, write change.commit: {{method: direct}}"
            ),
            left_as,
        },
        end @ (WriteEnd::NotSent(_) | WriteEnd::NoWay(_) | WriteEnd::Busy(_) | WriteEnd::Lost(_)) => end,
    }
}

fn json(running: &Running) -> Result<Value, String> {
    serde_json::from_str(&running.0)
        .map_err(|error| format!("what the device had is no JSON that can be read again: {error}"))
}

impl Session for GnmiSession {
    fn read(&mut self) -> BoxFuture<'_, Result<Running, Failure>> {
        Box::pin(self.read_now())
    }

    fn compare(&self, running: &Running, wanted: &Wanted) -> Result<Difference, Failure> {
        let compared = at_length(running.0.len(), || {
            let (before, after) = self.after(running, wanted, Order::Counts)?;
            Ok(compare::difference(&before, &after))
        });
        let text = compared.map_err(|why: String| {
            let message = format!("{}: the configuration cannot be used: {why}", self.wire.place);
            Failure::new(Class::PrecheckFailed, Phase::Read, message)
                .with_hint("correct the template, then plan again")
        })?;
        Ok(Difference { text: text.into() })
    }

    fn alike(&self, one: &Running, other: &Running) -> bool {
        json_order::alike(&one.0, &other.0)
    }

    fn differs_in_order_alone(&self, running: &Running, wanted: &Wanted) -> bool {
        self.after(running, wanted, Order::Ignored).is_ok_and(|(before, after)| before == after)
    }

    fn look<'a>(&'a mut self, probe: &'a Probe) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(self.look_now(probe))
    }

    fn write<'a>(
        &'a mut self,
        pass: &'a WritePass,
        _: &'a Running,
        wanted: &'a Wanted,
    ) -> BoxFuture<'a, Result<Written, WriteEnd>> {
        Box::pin(self.write_now(pass, wanted))
    }

    fn confirm<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async {
            self.tell(pass, confirm()).await?;
            self.has_confirmed = true;
            Ok(())
        })
    }

    fn cancel<'a>(&'a mut self, pass: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(self.tell(pass, cancel()))
    }

    fn restore<'a>(
        &'a mut self,
        pass: &'a WritePass,
        running: &'a Running,
        before: &'a Running,
    ) -> BoxFuture<'a, Result<Restored, WriteEnd>> {
        Box::pin(async { self.restore_now(pass, running, before).await.map(|()| Restored::Whole) })
    }

    /// gNMI has no word for it, and targets differ in whether a Set lasts until after a boot: that is remarked.
    fn save<'a>(&'a mut self, _: &'a WritePass) -> BoxFuture<'a, Result<(), WriteEnd>> {
        Box::pin(async { Ok(()) })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.wire.close())
    }

    fn save_remark(&self) -> &'static str {
        "; gNMI has no word for a save: whether it keeps a Set for its next boot is its own"
    }

    fn remark(&self) -> &'static str {
        match self.commit.confirmed && !self.has_confirmed {
            true => "it cannot take a commit back by itself over gNMI, so this one was for good at once",
            false => "",
        }
    }
}
