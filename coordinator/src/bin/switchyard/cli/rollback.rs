//! `switchyard rollback`: put a device back to what it had.

use crate::client::{Api, empty_answer};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::session::Session;
use crate::text::one_line;
use crate::words::{device_state, end, full, known_end, left_as, short, went_well};
use std::time::Duration;
use switchyard_proto::v1;
use switchyard_proto::v1::DeviceState;
use switchyard_proto::v1::doubt::State as Doubt;
use tokio::time::MissedTickBehavior;

/// How often the device is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const EXAMPLES: &str = "\
Examples:
  switchyard rollback ntp --device dev017 --reason \"breaks its BGP\"
  switchyard rollback ntp --device dev017 --overwrite --reason \"and what was typed by hand since\"

The device gets back exactly what it had before the rollout's last write to it, by its own means or by what its
agent kept. A device that somebody has changed since is left alone unless --overwrite is given.
Works while the rollout runs, stands still, or has ended, and queues behind nothing.
Ends with 0 when it is back, 3 when it is not or not saved for the next boot, 6 when a person must look at it.";

/// Put a device back to what it had before a rollout.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Rollback {
    /// The rollout that changed it: NAME or rollouts/NAME
    rollout: String,
    /// The device
    #[arg(long, value_name = "DEVICE")]
    device: String,
    /// Why; everybody who looks at the device reads it
    #[arg(long, value_name = "WHY", default_value = "")]
    reason: String,
    /// Also when the device was changed since: what it got is lost, but for what its agent keeps
    #[arg(long)]
    overwrite: bool,
    /// Have it put back and do not wait for it
    #[arg(long)]
    no_wait: bool,
}

impl Rollback {
    /// Asks, has the device put back, waits for it.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let name = short("rollouts", &self.rollout).to_owned();
        let question = format!("Put {} back to what it had before {name}?", self.device);
        if session.may_ask() && !session.globals.yes && !session.confirm(&question) {
            let message = format!("not rolled back: {} was not touched", self.device);
            return Err(Failure::new(Exit::Error, "NOT_AGREED", message));
        }
        let request = v1::RollbackDeviceRequest {
            rollout: full("rollouts", &name),
            device: self.device.clone(),
            reason: self.reason.clone(),
            request_id: session.request_id(),
            overwrite: self.overwrite,
        };
        let api = session.api().await?;
        let answer = api.call(api.rollouts().rollback_device(request)).await?;
        let asked = answer.device_result.ok_or_else(|| empty_answer("device"))?;
        if self.no_wait || !goes_on(&asked) {
            return Ok(told(session, &asked));
        }
        session.note("being put back by its agent; Ctrl-C leaves it to that");
        self.wait(session, &api, &name).await
    }

    async fn wait(self, session: &mut Session, api: &Api, rollout: &str) -> Result<Exit, Failure> {
        let mut interrupted = std::pin::pin!(session.interrupted());
        let mut time_up = std::pin::pin!(session.time_up());
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let filter = format!("device = \"{}\"", self.device);
        loop {
            tokio::select! {
                biased;
                () = &mut interrupted => {
                    session.warn(&format!("detached; see it: switchyard rollout devices {rollout} --filter '{filter}'"));
                    return Ok(Exit::Interrupted);
                }
                () = &mut time_up => {
                    session.warn(&format!("--timeout passed; {} is being put back", self.device));
                    return Ok(Exit::Timeout);
                }
                _ = tick.tick() => {}
            }
            let found = api.devices(rollout, &filter).await?;
            let device = found.into_iter().next().ok_or_else(|| empty_answer("device"))?;
            if !goes_on(&device) {
                return Ok(told(session, &device));
            }
        }
    }
}

/// Whether its agent is at work on it, or reads what it has after a doubt.
fn goes_on(device: &v1::DeviceResult) -> bool {
    let doubt = device.doubt.as_ref().map(v1::Doubt::state);
    device.state() == DeviceState::Running || matches!(doubt, Some(Doubt::ToRead | Doubt::Reading))
}

fn told(session: &mut Session, device: &v1::DeviceResult) -> Exit {
    if session.for_people() {
        // While it is being put back the coordinator has still how it ended before.
        let outcome = known_end(device).filter(|_| device.state() != DeviceState::Running);
        let failed = outcome.filter(|outcome| !went_well(outcome));
        let failed = failed.map_or(String::new(), |outcome| format!(" ({})", end(outcome)));
        let left = outcome.map_or(String::new(), |outcome| format!(", left {}", left_as(outcome.left_as)));
        let why = outcome.map_or(&device.reason, |outcome| &outcome.message);
        let (name, state) = (&device.device, device_state(device.state));
        session.say(&one_line(&format!("{name} is {state}{failed}{left}: {why}")));
        if let Some(outcome) = outcome.filter(|outcome| !outcome.hint.is_empty()) {
            session.note(&one_line(&outcome.hint));
        }
    } else {
        session.document(&json::device_result(device));
    }
    match device.state() {
        DeviceState::RolledBack | DeviceState::Running => Exit::Ok,
        DeviceState::Unknown => Exit::Blocked,
        DeviceState::Unspecified
        | DeviceState::Pending
        | DeviceState::Succeeded
        | DeviceState::Unchanged
        | DeviceState::Failed
        | DeviceState::Skipped => Exit::RolloutFailed,
    }
}

#[cfg(test)]
mod tests {
    use crate::exit::Exit;
    use crate::fake::{Fake, running, surroundings};
    use switchyard_proto::v1::{self, DeviceState, LeftAs, OutcomeClass, OutcomePhase};

    fn device(state: DeviceState, class: OutcomeClass, message: &str) -> v1::DeviceResult {
        let outcome = v1::Outcome {
            class: class.into(),
            phase: OutcomePhase::Revert.into(),
            left_as: LeftAs::Reverted.into(),
            message: message.into(),
            hint: "look at it".into(),
            ..Default::default()
        };
        v1::DeviceResult {
            device: "dev1".into(),
            state: state.into(),
            outcome: Some(outcome),
            ..v1::DeviceResult::default()
        }
    }

    #[tokio::test]
    async fn a_rollback_waits_for_its_device_and_tells_by_its_end_whether_it_is_back() {
        let (failed, lost) = (OutcomeClass::RollbackFailed, OutcomeClass::LostAfterWrite);
        for (state, class, exit, ended_as) in [
            (DeviceState::RolledBack, OutcomeClass::Ok, Exit::Ok, "ROLLED_BACK"),
            (DeviceState::Succeeded, failed, Exit::RolloutFailed, "SUCCEEDED (ROLLBACK_FAILED in revert)"),
            (DeviceState::Unknown, lost, Exit::Blocked, "UNKNOWN (LOST_AFTER_WRITE in revert)"),
        ] {
            let fake = Fake::start(running(2)).await;
            fake.state().devices = vec![device(state, class, "so it ended")];
            let ended = fake.run(&["rollback", "ntp", "--device", "dev1", "--reason", "bgp"]).await;
            assert_eq!(ended.exit, exit, "{ended:?}");
            assert_eq!(ended.out, format!("dev1 is {ended_as}, left REVERTED: so it ended\n"), "{ended:?}");
            assert!(ended.err.ends_with("look at it\n"), "what to do: {ended:?}");
            assert_eq!(fake.state().asked[0], "rollback rollouts/ntp dev1 bgp 32");
        }
    }

    #[tokio::test]
    async fn what_is_not_waited_for_or_given_up_is_not_told_by_how_it_ended_before() {
        let fake = Fake::start(running(2)).await;
        for (state, exit, expected) in [
            (DeviceState::Running, Exit::Ok, "dev1 is RUNNING: being put back\n"),
            (DeviceState::Unknown, Exit::Blocked, "dev1 is UNKNOWN: being put back\n"),
        ] {
            let before = device(state, OutcomeClass::RollbackFailed, "the end of an earlier one");
            let asked = v1::DeviceResult { reason: "being put back".into(), ..before };
            fake.state().devices = vec![asked];
            let no_wait = if state == DeviceState::Running { &["--no-wait"][..] } else { &[] };
            let left = fake.run(&[&["rollback", "ntp", "--device", "dev1"][..], no_wait].concat()).await;
            assert_eq!((left.exit, left.out.as_str()), (exit, expected), "{left:?}");
            assert!(!left.err.contains("look at it"), "{left:?}");
        }
    }

    #[tokio::test]
    async fn a_rollback_asks_first_names_a_device_and_may_be_left_alone() {
        let fake = Fake::start(running(2)).await;
        assert_eq!(fake.run(&["rollback", "ntp"]).await.exit, Exit::Usage);
        let (mut around, streams) = surroundings();
        around.input_is_terminal = true;
        around.input = Box::new(std::io::Cursor::new("n\n"));
        let ended = fake.run_within(&["rollback", "ntp", "--device", "dev1"], around, streams).await;
        assert!(ended.err.contains("dev1 was not touched"), "{ended:?}");
        assert!(fake.state().asked.is_empty());
        let left = fake.run(&["rollback", "ntp", "--device", "dev1", "--no-wait", "-o", "json"]).await;
        assert_eq!(left.exit, Exit::Ok, "{left:?}");
        assert!(left.out.contains("\"state\": \"RUNNING\""), "{left:?}");
        fake.run(&["rollback", "ntp", "--device", "dev1", "--overwrite", "--no-wait"]).await;
        assert!(fake.state().asked.last().is_some_and(|asked| asked.ends_with(" overwrite")));
    }
}
