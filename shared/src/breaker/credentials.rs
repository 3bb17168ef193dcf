//! The breakers of a site's credentials: found by reference once for each attempt, by number after that.

use super::credential::CredentialBreaker;
use crate::id::SiteName;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Breakers are only ever added, so that a number stays good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Credentials {
    site: SiteName,
    breakers: Vec<CredentialBreaker>,
    numbers: BTreeMap<String, usize>,
    /// The number that was asked for last: most devices of a site share a credential.
    last: usize,
}

impl Credentials {
    pub fn new(site: SiteName) -> Self {
        Self { site, breakers: Vec::new(), numbers: BTreeMap::new(), last: 0 }
    }

    /// The number of the breaker behind `reference`, which begins closed.
    pub fn number(&mut self, reference: &str, now: Timestamp) -> usize {
        let last = self.breakers.get(self.last);
        if last.is_none_or(|breaker| breaker.reference() != reference) {
            self.last = match self.numbers.get(reference) {
                Some(number) => *number,
                None => self.add(CredentialBreaker::new(self.site.clone(), reference.to_owned(), now)),
            };
        }
        self.last
    }

    /// The breaker behind `reference`, which begins closed.
    pub fn named(&mut self, reference: &str, now: Timestamp) -> &mut CredentialBreaker {
        let number = self.number(reference, now);
        &mut self.breakers[number]
    }

    pub fn add(&mut self, breaker: CredentialBreaker) -> usize {
        let number = self.breakers.len();
        self.numbers.insert(breaker.reference().to_owned(), number);
        self.breakers.push(breaker);
        number
    }

    pub fn get_mut(&mut self, number: usize) -> Option<&mut CredentialBreaker> {
        self.breakers.get_mut(number)
    }

    /// In the order of their references.
    pub fn all(&self) -> impl Iterator<Item = &CredentialBreaker> {
        self.numbers.values().filter_map(|number| self.breakers.get(*number))
    }
}
