//! An operator's word on a breaker: open, closed whatever happens, or begin anew.

use super::{CredentialBreaker, DeviceBreaker, Tree};
use crate::breaker::Name;
use crate::id::SiteName;
use crate::time::Timestamp;

/// A breaker that does not live here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("find the breaker {name} at site {site}")]
pub struct NotHere {
    /// The breaker that was named.
    pub name: Name,
    /// The site that was asked.
    pub site: SiteName,
}

#[derive(Clone, Copy)]
enum Word {
    Open,
    Closed,
    Reset,
}

impl Tree {
    /// Opens a breaker by an operator's word; it does not heal with time.
    pub fn trip(&mut self, name: &Name, by: &str, reason: &str, now: Timestamp) -> Result<(), NotHere> {
        self.command(name, Word::Open, (by, reason), now)
    }

    /// Keeps a breaker closed by an operator's word, whatever the evidence, which is still shown.
    pub fn force_closed(
        &mut self,
        name: &Name,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), NotHere> {
        self.command(name, Word::Closed, (by, reason), now)
    }

    /// Closes a breaker by an operator's word, with its counters cleared; a site starts slowly. Also
    /// reports one that was closed already, so that whoever asked sees the answer.
    pub fn reset(&mut self, name: &Name, by: &str, reason: &str, now: Timestamp) -> Result<(), NotHere> {
        self.command(name, Word::Reset, (by, reason), now)
    }

    fn command(
        &mut self,
        name: &Name,
        word: Word,
        (by, reason): (&str, &str),
        now: Timestamp,
    ) -> Result<(), NotHere> {
        let report = match name {
            Name::Site(site) if *site == self.name => {
                match word {
                    Word::Open => self.site.force_open(by, reason, now),
                    Word::Closed => self.site.force_closed(by, reason, now),
                    Word::Reset => self.site.reset(by, reason, now),
                }
                self.site.report()
            }
            Name::Credential { site, reference } if *site == self.name => {
                let breaker = self.credentials.named(reference, now);
                match word {
                    Word::Open => breaker.force_open(by, reason, now),
                    Word::Closed => breaker.force_closed(by, reason, now),
                    Word::Reset => breaker.reset(by, reason, now),
                }
                CredentialBreaker::report(breaker)
            }
            Name::Device(device) => {
                let breaker = self
                    .devices
                    .entry(device.clone())
                    .or_insert_with(|| DeviceBreaker::new(device.clone(), now));
                match word {
                    Word::Open => breaker.force_open(by, reason, now),
                    Word::Closed => breaker.force_closed(by, reason, now),
                    Word::Reset => breaker.reset(by, reason, now),
                }
                // A breaker that was reset is kept: its epoch tells results from before the reset apart.
                breaker.report(&self.name)
            }
            Name::Site(_) | Name::Credential { .. } | Name::Group { .. } | Name::Global { .. } => {
                return Err(NotHere { name: name.clone(), site: self.name.clone() });
            }
        };
        self.moved.push(report);
        Ok(())
    }
}
