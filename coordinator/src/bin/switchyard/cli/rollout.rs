//! `switchyard rollout`: list, look into and steer rollouts.

mod diff;
mod filter;
mod steer;

use super::status;
use crate::client::{PAGE_SIZE, all};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::render::lists;
use crate::session::Session;
use crate::text::one_line;
use crate::words::short;
use switchyard_proto::v1;
use switchyard_shared::outcome::DeviceState;

/// List, look into and steer rollouts.
#[derive(Debug, clap::Subcommand)]
pub enum Rollout {
    /// List rollouts, newest first
    List,
    /// Show where a rollout stands, like `switchyard status`
    Get {
        /// The rollout: NAME or rollouts/NAME
        rollout: String,
    },
    /// List the devices of a rollout and what became of them
    Devices(Devices),
    /// Show how devices differ now from what the rollout configures; writes to none
    Diff(diff::Diff),
    /// Hand out no new device; those in flight that have written nothing are called off, those that have finish
    Pause(steer::Steer),
    /// Hand out devices again
    Resume(steer::Steer),
    /// End the wait after a wave now
    Promote(steer::Steer),
    /// End it for good: what has written nothing is called off, the rest finishes
    Abort(steer::Abort),
}

/// List the devices of a rollout and what became of them.
#[derive(Debug, clap::Args)]
pub struct Devices {
    /// The rollout: NAME or rollouts/NAME
    rollout: String,
    /// Only these, such as 'site = "lon" AND class = "TIMEOUT"'
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Only devices in this state, such as failed; may be given again
    #[arg(long, value_name = "STATE", value_parser = device_state)]
    state: Vec<DeviceState>,
}

fn device_state(text: &str) -> Result<DeviceState, String> {
    DeviceState::parse(&text.to_uppercase().replace('-', "_")).ok_or_else(|| {
        let words: Vec<String> = DeviceState::ALL.iter().map(|state| state.as_str().to_lowercase()).collect();
        format!("use one of {}", words.join(", "))
    })
}

impl Rollout {
    /// Runs the command.
    pub async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        match self {
            Self::List => list(session).await,
            Self::Get { rollout } => {
                let rollout = status::show(session, &rollout).await?;
                if !session.for_people() {
                    session.document(&json::rollout(&rollout));
                }
                Ok(Exit::Ok)
            }
            Self::Devices(devices) => devices.run(session).await,
            Self::Diff(diff) => diff.run(session).await,
            Self::Pause(args) => args.pause(session).await,
            Self::Resume(args) => args.resume(session).await,
            Self::Promote(args) => args.promote(session).await,
            Self::Abort(args) => args.run(session).await,
        }
    }
}

async fn list(session: &mut Session) -> Result<Exit, Failure> {
    let api = session.api().await?;
    let rollouts = all(async |page_token| {
        let request = v1::ListRolloutsRequest { page_size: PAGE_SIZE, page_token };
        let page = api.call(api.rollouts().list_rollouts(request)).await?;
        Ok((page.rollouts, page.next_page_token))
    })
    .await?;
    if session.for_people() {
        let lines = lists::rollouts(&rollouts, session.now(), session.width());
        session.list(&lines, "no rollouts: start one with switchyard apply -f SPEC");
    } else {
        session.documents(rollouts.iter().map(json::rollout).collect());
    }
    Ok(Exit::Ok)
}

impl Devices {
    async fn run(self, session: &mut Session) -> Result<Exit, Failure> {
        let api = session.api().await?;
        let devices = api.devices(&self.rollout, &self.question()?).await?;
        if session.for_people() {
            let lines = lists::device_results(&devices, session.width());
            let name = short("rollouts", &self.rollout);
            session.list(&lines, &format!("no such devices in the rollout {name}"));
            session.say_all(&lists::what_to_do(&devices, &one_line(name), session.width()));
        } else {
            session.documents(devices.iter().map(json::device_result).collect());
        }
        Ok(Exit::Ok)
    }

    fn question(&self) -> Result<String, Failure> {
        let states: Vec<String> = self.state.iter().map(|state| format!("state = \"{state}\"")).collect();
        let states = if states.is_empty() { None } else { Some(format!("({})", states.join(" OR "))) };
        let filter = self.filter.as_deref().map(filter::in_capitals).transpose()?;
        let filter = filter.map(|filter| format!("({filter})"));
        let parts: Vec<String> = filter.into_iter().chain(states).collect();
        Ok(parts.join(" AND "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, advised, dark_site, result};

    #[test]
    fn states_and_filter_are_asked_for_together() {
        let devices = |filter: Option<&str>, state: Vec<DeviceState>| {
            Devices { rollout: "r".into(), filter: filter.map(str::to_owned), state }
                .question()
                .expect("a filter")
        };
        assert_eq!(devices(None, vec![]), "");
        assert_eq!(devices(None, vec![DeviceState::Failed]), "(state = \"FAILED\")");
        assert_eq!(
            devices(Some("site = \"a\" OR site = \"b\""), vec![DeviceState::Failed, DeviceState::Unknown]),
            "(site = \"a\" OR site = \"b\") AND (state = \"FAILED\" OR state = \"UNKNOWN\")"
        );
    }

    #[tokio::test]
    async fn people_read_beneath_the_devices_what_to_do_and_a_document_stays_a_document() {
        let failed = result("dev1", v1::DeviceState::Failed, v1::OutcomeClass::Timeout, "no banner");
        let fake = Fake::start(dark_site()).await;
        fake.state().devices = vec![advised(failed, v1::OutcomePhase::Connect, "check its power")];
        let shown = fake.run(&["rollout", "devices", "rollouts/ntp"]).await;
        assert!(shown.out.contains("TIMEOUT in connect"), "{shown:?}");
        let beneath = "no banner\n\nWhat to do\n  TIMEOUT in connect, left unchanged: check its power\n";
        assert!(shown.out.ends_with(beneath), "{shown:?}");
        let json = fake.run(&["rollout", "devices", "ntp", "-o", "json"]).await;
        let outcome = &serde_json::from_str::<serde_json::Value>(&json.out).expect("one document")["items"]
            [0]["outcome"];
        assert_eq!((&outcome["class"], &outcome["phase"]), (&"TIMEOUT".into(), &"CONNECT".into()));
    }

    #[test]
    fn a_state_is_taken_in_any_case() {
        assert_eq!(device_state("failed"), Ok(DeviceState::Failed));
        assert_eq!(device_state("rolled-back"), Ok(DeviceState::RolledBack));
        assert!(device_state("broken").expect_err("no such state").contains("succeeded"));
    }
}
