//! The rows: models of `tests/reference/models`, with bounds for harm, delivery, stops and time.

use super::Bounds;

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The model, a file of `tests/reference/models`.
    pub model: &'static str,
    /// What the reference simulator calls it, if it has it.
    pub reference: Option<&'static str>,
    /// Pools with which its dark site is rehearsed alone, beside the reference's simulator of silence.
    pub alone: &'static [u32],
    /// What must hold.
    pub bounds: Bounds,
}

const NOTHING: Bounds = Bounds {
    harmed: None,
    worst: None,
    delivered: None,
    stopped: None,
    held_wrongly: None,
    named: None,
    price: None,
    contacted: None,
};
const STOPS: Bounds = Bounds { stopped: Some((1.0, 1.0)), ..NOTHING };
const ONE_VALUE: Bounds = Bounds {
    harmed: Some((2.0, 4.0)),
    worst: Some(8.0),
    delivered: Some(0.99),
    stopped: Some((0.0, 0.005)),
    named: Some(0.99),
    price: Some(1.6),
    ..NOTHING
};

/// Every row, in the order in which they are shown.
pub fn rows() -> Vec<Row> {
    let row = |model, reference, bounds| Row { model, reference: Some(reference), alone: &[], bounds };
    let harmed = |median: f64, p95: f64, rest: Bounds| Bounds { harmed: Some((median, p95)), ..rest };
    let calm = Bounds { delivered: Some(1.0), stopped: Some((0.0, 0.0)), price: Some(1.6), ..NOTHING };
    let ordinary = Bounds {
        delivered: Some(0.995),
        stopped: Some((0.0, 0.01)),
        held_wrongly: Some(0.03),
        price: Some(1.6),
        ..NOTHING
    };
    let half = Bounds { delivered: Some(0.91), stopped: Some((0.0, 0.04)), price: Some(1.55), ..NOTHING };
    let pair = Bounds { delivered: Some(0.98), stopped: Some((0.0, 0.01)), price: Some(1.6), ..NOTHING };
    let dark = Bounds { delivered: Some(0.99), stopped: Some((0.0, 0.0)), contacted: Some(14.0), ..NOTHING };
    vec![
        row("none", "p=0", harmed(0.0, 0.0, Bounds { price: Some(1.55), ..calm })),
        row("p005", "p=0.005", harmed(50.0, 62.0, ordinary)),
        row("p05", "p=0.05", harmed(13.0, 18.0, STOPS)),
        row("p10-slow", "slow_p=.1", harmed(15.0, 29.0, STOPS)),
        row("p10", "p=0.1", harmed(12.0, 15.0, STOPS)),
        row("all", "p=1", Bounds { worst: Some(2.0), ..harmed(2.0, 2.0, STOPS) }),
        row("platform", "plat_all", ONE_VALUE),
        row("platform-late", "plat_late", ONE_VALUE),
        row("platform-last", "plat_last", ONE_VALUE),
        row("role", "role_all", ONE_VALUE),
        row("os", "os_all", ONE_VALUE),
        row("profile", "templ_all", ONE_VALUE),
        row("platform-half", "plat_half", harmed(6.0, 16.0, half)),
        row("platform-role", "plat&role", harmed(7.0, 16.0, pair)),
        row("unreachable", "unreach2%", harmed(0.0, 0.0, calm)),
        Row {
            model: "dark-site",
            reference: None,
            alone: &[5, 10, 25, 50, 64],
            bounds: harmed(0.0, 0.0, dark),
        },
    ]
}
