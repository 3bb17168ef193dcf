//! How a driver works on a device, wire and domain.

use crate::agent_v1::{self, check::Probe as WireProbe, expectation::Expectation as WireExpectation};
use crate::convert::{BadField, duration, required, to_duration};
use switchyard_shared::procedure::{
    CHECKS_MAX, COMMENT_BYTES_MAX, Check, Commit, EXPECTATIONS_MAX, Expectation, Mode, Probe, Procedure,
    SECRETS_MAX, Transport,
};
use switchyard_shared::secret_ref::SecretRef;

impl From<Transport> for agent_v1::Transport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::SshCli => Self::SshCli,
            Transport::Netconf => Self::Netconf,
            Transport::Gnmi => Self::Gnmi,
            Transport::Http => Self::Http,
            Transport::LocalExec => Self::LocalExec,
        }
    }
}

fn transport(wire: i32) -> Result<Transport, BadField> {
    match agent_v1::Transport::try_from(wire) {
        Ok(agent_v1::Transport::SshCli) => Ok(Transport::SshCli),
        Ok(agent_v1::Transport::Netconf) => Ok(Transport::Netconf),
        Ok(agent_v1::Transport::Gnmi) => Ok(Transport::Gnmi),
        Ok(agent_v1::Transport::Http) => Ok(Transport::Http),
        Ok(agent_v1::Transport::LocalExec) => Ok(Transport::LocalExec),
        Ok(agent_v1::Transport::Unspecified) | Err(_) => Err(BadField::new("transport", "unknown")),
    }
}

impl From<&Procedure> for agent_v1::Procedure {
    fn from(procedure: &Procedure) -> Self {
        Self {
            transport: agent_v1::Transport::from(procedure.transport).into(),
            platform: procedure.platform.clone(),
            replace: procedure.mode == Mode::Replace,
            confirmed: procedure.commit.confirmed,
            confirm_timeout: Some(duration(procedure.commit.confirm_timeout)),
            save: procedure.commit.save,
            comment: procedure.commit.comment.clone(),
            pre_checks: procedure.pre.iter().map(Into::into).collect(),
            post_checks: procedure.post.iter().map(Into::into).collect(),
            revert: procedure.revert,
            secrets: procedure.secrets.clone().into_iter().collect(),
        }
    }
}

impl TryFrom<agent_v1::Procedure> for Procedure {
    type Error = BadField;
    fn try_from(wire: agent_v1::Procedure) -> Result<Self, BadField> {
        if wire.comment.len() > COMMENT_BYTES_MAX {
            return Err(BadField::new("comment", "longer than 256 bytes"));
        }
        if wire.secrets.len() > SECRETS_MAX {
            return Err(BadField::new("secrets", "more than 64"));
        }
        Ok(Self {
            transport: transport(wire.transport)?,
            platform: wire.platform,
            mode: if wire.replace { Mode::Replace } else { Mode::Merge },
            commit: Commit {
                confirmed: wire.confirmed,
                confirm_timeout: to_duration(wire.confirm_timeout, "confirm_timeout")?,
                save: wire.save,
                comment: wire.comment,
            },
            pre: checks(wire.pre_checks, "pre_checks")?,
            post: checks(wire.post_checks, "post_checks")?,
            revert: wire.revert,
            secrets: wire.secrets.into_iter().collect(),
        })
    }
}

fn checks(wire: Vec<agent_v1::Check>, field: &str) -> Result<Vec<Check>, BadField> {
    if wire.len() > CHECKS_MAX {
        return Err(BadField::new(field, "more than 32"));
    }
    wire.into_iter().map(|check| check.try_into().map_err(|error: BadField| error.within(field))).collect()
}

impl From<&Check> for agent_v1::Check {
    fn from(check: &Check) -> Self {
        let probe = match check.probe.clone() {
            Probe::Tcp { port } => WireProbe::TcpPort(port.into()),
            Probe::Command { command } => WireProbe::Command(command),
            Probe::NetconfGet { xpath } => WireProbe::NetconfXpath(xpath),
            Probe::GnmiGet { path } => WireProbe::GnmiPath(path),
            Probe::Http { url, .. } => WireProbe::HttpUrl(url),
            Probe::Prometheus { url, query, .. } => {
                WireProbe::Prometheus(agent_v1::PrometheusQuery { url: url.unwrap_or_default(), query })
            }
        };
        let (http_status, ca_ref) = match &check.probe {
            Probe::Http { status, ca_ref, .. } => (u32::from(*status), ca_ref.clone()),
            Probe::Prometheus { ca_ref, .. } => (0, ca_ref.clone()),
            Probe::Tcp { .. } | Probe::Command { .. } | Probe::NetconfGet { .. } | Probe::GnmiGet { .. } => {
                (0, None)
            }
        };
        Self {
            name: check.name.clone(),
            probe: Some(probe),
            http_status,
            ca_ref: ca_ref.unwrap_or_default(),
            expectations: check.expectations.iter().cloned().map(Into::into).collect(),
            save_as: check.save_as.clone().unwrap_or_default(),
            initial_delay: Some(duration(check.initial_delay)),
            interval: Some(duration(check.interval)),
            count: check.count,
            failure_limit: check.failure_limit,
        }
    }
}

impl TryFrom<agent_v1::Check> for Check {
    type Error = BadField;
    fn try_from(wire: agent_v1::Check) -> Result<Self, BadField> {
        if wire.count == 0 {
            return Err(BadField::new("count", "0: a check looks at least once"));
        }
        if wire.expectations.len() > EXPECTATIONS_MAX {
            return Err(BadField::new("expectations", "more than 16"));
        }
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        let ca_ref = said(wire.ca_ref);
        if ca_ref.as_ref().is_some_and(|reference| SecretRef::parse(reference).is_err()) {
            return Err(BadField::new("ca_ref", "does not refer to a value"));
        }
        let probe = match required(wire.probe, "probe")? {
            WireProbe::TcpPort(port) => Probe::Tcp {
                port: u16::try_from(port).map_err(|_| BadField::new("tcp_port", "outside 1 to 65535"))?,
            },
            WireProbe::Command(command) => Probe::Command { command },
            WireProbe::NetconfXpath(xpath) => Probe::NetconfGet { xpath },
            WireProbe::GnmiPath(path) => Probe::GnmiGet { path },
            WireProbe::HttpUrl(url) => Probe::Http {
                url,
                status: match wire.http_status {
                    0 => 200,
                    status => u16::try_from(status)
                        .map_err(|_| BadField::new("http_status", "outside 1 to 65535"))?,
                },
                ca_ref,
            },
            WireProbe::Prometheus(agent_v1::PrometheusQuery { url, query }) => {
                Probe::Prometheus { url: said(url), query, ca_ref }
            }
        };
        let expectations = wire.expectations.into_iter().map(TryInto::try_into);
        Ok(Self {
            name: wire.name,
            probe,
            expectations: expectations.collect::<Result<_, _>>()?,
            save_as: Some(wire.save_as).filter(|name| !name.is_empty()),
            initial_delay: to_duration(wire.initial_delay, "initial_delay")?,
            interval: to_duration(wire.interval, "interval")?,
            count: wire.count,
            failure_limit: wire.failure_limit,
        })
    }
}

impl From<Expectation> for agent_v1::Expectation {
    fn from(expectation: Expectation) -> Self {
        let expectation = match expectation {
            Expectation::Matches(text) => WireExpectation::Matches(text),
            Expectation::Contains(text) => WireExpectation::Contains(text),
            Expectation::NotContains(text) => WireExpectation::NotContains(text),
            Expectation::Expect(text) => WireExpectation::Expect(text),
        };
        Self { expectation: Some(expectation) }
    }
}

impl TryFrom<agent_v1::Expectation> for Expectation {
    type Error = BadField;
    fn try_from(wire: agent_v1::Expectation) -> Result<Self, BadField> {
        Ok(match required(wire.expectation, "expectation")? {
            WireExpectation::Matches(text) => Self::Matches(text),
            WireExpectation::Contains(text) => Self::Contains(text),
            WireExpectation::NotContains(text) => Self::NotContains(text),
            WireExpectation::Expect(text) => Self::Expect(text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_procedure_survives_the_wire_with_every_kind_of_check() {
        let probes = [
            Probe::Tcp { port: 22 },
            Probe::Command { command: "show clock".into() },
            Probe::NetconfGet { xpath: "/a".into() },
            Probe::GnmiGet { path: "/b".into() },
            Probe::Http { url: "https://c".into(), status: 204, ca_ref: Some("file:ca.pem".into()) },
            Probe::Prometheus { url: Some("http://d".into()), query: "up".into(), ca_ref: None },
            Probe::Prometheus { url: None, query: "up".into(), ca_ref: Some("file:ca.pem".into()) },
        ];
        let expectations = [
            Expectation::Matches("m".into()),
            Expectation::Contains("c".into()),
            Expectation::NotContains("n".into()),
            Expectation::Expect("> 1".into()),
        ];
        let check = |probe: Probe| Check {
            name: "one".into(),
            probe,
            expectations: expectations.to_vec(),
            save_as: Some("kept".into()),
            initial_delay: Duration::from_secs(1),
            interval: Duration::from_secs(2),
            count: 3,
            failure_limit: 2,
        };
        let later = |probe: Probe| Check { name: "later".into(), save_as: None, ..check(probe) };
        let pre: Vec<Check> = probes.iter().cloned().map(check).collect();
        let post: Vec<Check> = probes.iter().cloned().map(later).collect();
        // Each yes or no beside each other one: none is taken for another, and none is always said.
        let cases = Transport::ALL.iter().flat_map(|transport| (0..16).map(move |said| (*transport, said)));
        for (transport, said) in cases {
            let is = |bit: u8| said & bit != 0;
            let comment = if is(4) { "CHG-7" } else { "" };
            let procedure = Procedure {
                transport,
                platform: "frr".into(),
                mode: if is(1) { Mode::Replace } else { Mode::Merge },
                commit: Commit {
                    confirmed: is(2),
                    confirm_timeout: Duration::from_secs(45),
                    save: is(4),
                    comment: comment.into(),
                },
                pre: pre.clone(),
                post: post.clone(),
                revert: is(8),
                secrets: [("key".to_owned(), "env:K".to_owned())].into(),
            };
            let wire = agent_v1::Procedure::from(&procedure);
            assert_eq!(Procedure::try_from(wire), Ok(procedure));
        }
    }

    #[test]
    fn a_check_that_never_looks_is_refused() {
        let wire = agent_v1::Check { probe: Some(WireProbe::TcpPort(22)), ..Default::default() };
        assert!(Check::try_from(wire).is_err_and(|error| error.to_string().contains("count")));
    }
}
