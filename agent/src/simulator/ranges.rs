//! Sets of device numbers as people write them: `3`, `47-100`, `3,5-9`; and sites over them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use switchyard_shared::id::{InvalidName, SiteName};

/// Most pieces of one set.
pub const PIECES_MAX: usize = 1000;

/// Device numbers, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranges(Vec<RangeInclusive<usize>>);

/// Why a text is no set of device numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseRangesError {
    /// Not a number or `FIRST-LAST`.
    #[error("read {0:?} as device numbers, such as 3,5-9 (counted from 1)")]
    Piece(String),
    /// More than [`PIECES_MAX`].
    #[error("read more than {PIECES_MAX} ranges")]
    TooMany,
    /// A site without devices.
    #[error("read {0:?} as NAME:RANGE, such as ams:1-20")]
    Site(String),
    /// A bad site name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// Two sites claim a device, or none does.
    #[error("give device {device} one site: {sites} claim it")]
    Claims {
        /// The device's number.
        device: usize,
        /// How many sites claim it.
        sites: usize,
    },
}

impl Ranges {
    /// The devices `first` to `last`.
    pub fn of(range: RangeInclusive<usize>) -> Self {
        Self(vec![range])
    }

    /// Whether it holds `device`.
    pub fn contains(&self, device: usize) -> bool {
        self.0.iter().any(|range| range.contains(&device))
    }

    /// The highest number.
    pub fn last(&self) -> usize {
        self.0.iter().map(|range| *range.end()).max().unwrap_or(0)
    }
}

impl FromStr for Ranges {
    type Err = ParseRangesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.split(',').count() > PIECES_MAX {
            return Err(ParseRangesError::TooMany);
        }
        text.split(',').map(piece).collect::<Result<_, _>>().map(Self)
    }
}

fn piece(text: &str) -> Result<RangeInclusive<usize>, ParseRangesError> {
    let bad = || ParseRangesError::Piece(text.into());
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first: usize = first.trim().parse().map_err(|_| bad())?;
    let last: usize = last.trim().parse().map_err(|_| bad())?;
    if first == 0 || last < first { Err(bad()) } else { Ok(first..=last) }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match range.start() == range.end() {
                true => write!(f, "{comma}{}", range.start())?,
                false => write!(f, "{comma}{}-{}", range.start(), range.end())?,
            }
        }
        Ok(())
    }
}

/// A site and its devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRanges {
    /// The site.
    pub site: SiteName,
    /// Its devices.
    pub devices: Ranges,
}

/// Reads `ams:1-20,fra:21-40,lon:41-90,95-100`.
pub fn parse_sites(text: &str) -> Result<Vec<SiteRanges>, ParseRangesError> {
    let mut sites: Vec<(String, String)> = Vec::new();
    for part in text.split(',').take(PIECES_MAX) {
        match (part.split_once(':'), sites.last_mut()) {
            (Some((name, range)), _) => sites.push((name.trim().into(), range.into())),
            (None, Some((_, ranges))) => *ranges = format!("{ranges},{part}"),
            (None, None) => return Err(ParseRangesError::Site(part.into())),
        }
    }
    let site = |(name, ranges): (String, String)| {
        Ok(SiteRanges { site: SiteName::new(name)?, devices: ranges.parse()? })
    };
    sites.into_iter().map(site).collect()
}

/// The site of each of `count` devices, in order; exactly one each.
pub fn assign_sites(sites: &[SiteRanges], count: usize) -> Result<Vec<SiteName>, ParseRangesError> {
    let site_of = |device: usize| {
        let mut claims = sites.iter().filter(|site| site.devices.contains(device));
        match (claims.next(), claims.count()) {
            (Some(site), 0) => Ok(site.site.clone()),
            (None, _) => Err(ParseRangesError::Claims { device, sites: 0 }),
            (Some(_), more) => Err(ParseRangesError::Claims { device, sites: more + 1 }),
        }
    };
    (1..=count).map(site_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_as_people_do() {
        let ranges: Ranges = "3,5-9".parse().expect("ranges");
        let held: Vec<usize> = (1..=10).filter(|device| ranges.contains(*device)).collect();
        assert_eq!(held, [3, 5, 6, 7, 8, 9]);
        assert_eq!(ranges.last(), 9);
        for bad in ["", "0", "9-3", "a", "1-", "1,,2", "-3"] {
            assert!(bad.parse::<Ranges>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_device_has_exactly_one_site() {
        let sites = parse_sites("ams:1-2,4,fra:3").expect("sites");
        let names: Vec<String> =
            assign_sites(&sites, 4).expect("sites").into_iter().map(String::from).collect();
        assert_eq!(names, ["ams", "ams", "fra", "ams"]);
        assert_eq!(assign_sites(&sites, 5), Err(ParseRangesError::Claims { device: 5, sites: 0 }));
        let twice = parse_sites("ams:1-2,fra:2").expect("sites");
        assert_eq!(assign_sites(&twice, 2), Err(ParseRangesError::Claims { device: 2, sites: 2 }));
        assert!(parse_sites("1-3").is_err());
    }
}
