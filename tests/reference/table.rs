//! `rehearse-table`: every row with its bounds, beside the reference simulator; ends with 1 when one is broken.

use anyhow::Result;
use clap::Parser;
use std::process::ExitCode;
use switchyard_shared::rehearse::{Figure, Summary};
use switchyard_tests::rehearsal::{
    Bounds, Contacts, Known, Row, contacts, known, rehearse, rehearse_alone, rows,
};

/// Rehearse every model of tests/reference and hold the figures against their bounds
#[derive(Parser)]
struct Args {
    /// How many times each
    #[arg(long, default_value_t = 300)]
    trials: u32,
    /// Which worlds
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these models; may be given again
    #[arg(long)]
    model: Vec<String>,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let mut broken = 0;
    println!(
        "{:<14} {:<5} {:>20} {:>9} {:>8} {:>8} {:>8} {:>13} {:>16}",
        "MODEL", "", "HARMED", "DELIVERED", "STOPPED", "WRONGLY", "NAMED", "PRICE", "CONTACTED"
    );
    for row in
        rows().into_iter().filter(|row| args.model.is_empty() || args.model.iter().any(|m| m == row.model))
    {
        let summary = rehearse(row.model, args.trials, args.seed)?;
        println!("{}", ours(row.model, &summary));
        if let Some(reference) = row.reference {
            println!("{}", theirs(&known(reference)?));
        }
        println!("{}", bound(&row.bounds));
        for line in row.bounds.broken(&summary) {
            println!("{:<14} BROKEN: {line}", "");
            broken += 1;
        }
        broken += usize::from(alone(&row, &args)?);
    }
    println!("{} trials each, seed {}; {broken} bounds broken", args.trials, args.seed);
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows the row's dark site alone, pool by pool; whether it breaks the row's bound on average.
fn alone(row: &Row, args: &Args) -> Result<bool> {
    let Some(most) = row.bounds.contacted.filter(|_| !row.alone.is_empty()) else { return Ok(false) };
    let mut sum = 0.0;
    for pool in row.alone {
        let summary = rehearse_alone(row.model, *pool, args.trials, args.seed)?;
        println!("{}", beside(*pool, &summary, contacts(Some(*pool))?));
        sum += summary.contacted.mean;
    }
    let (mean, reference) = (sum / row.alone.len() as f64, contacts(None)?.mean);
    let word = if mean > most { "; BROKEN" } else { "" };
    println!("{:<14} one site, all pools: ours {mean:.1}, ref {reference:.1}, bound {most:.1}{word}", "");
    Ok(mean > most)
}

fn line(name: &str, what: &str, cells: [String; 6], contacted: &str) -> String {
    let [harmed, delivered, stopped, wrongly, named, price] = cells;
    format!(
        "{name:<14} {what:<5} {harmed:>20} {delivered:>9} {stopped:>8} {wrongly:>8} {named:>8} {price:>13} {contacted:>16}"
    )
}

/// Mean, 95 % and worst.
fn spread(mean: f64, p95: f64, worst: f64) -> String {
    format!("{mean:.1} / {p95} / {worst}")
}

fn beside(pool: u32, summary: &Summary, reference: Contacts) -> String {
    let Figure { mean, p95, worst, .. } = summary.contacted;
    let ours = spread(mean, p95, worst);
    let Contacts { mean, p95, worst } = reference;
    let theirs = spread(mean, p95, worst);
    format!(
        "{:<14} one site, pool {pool:>2}: contacted (mean / p95 / worst) ours {ours:>16}, ref {theirs:>16}",
        ""
    )
}

fn ours(name: &str, summary: &Summary) -> String {
    let Figure { median, p95, worst, .. } = summary.harmed;
    let price = summary.price.map(|price| format!("{:.3} / {:.3}", price.median, price.p95));
    let cells = [
        format!("{median} / {p95} / {worst}"),
        percent(summary.delivered),
        percent(summary.stopped),
        format!("{:.3}", summary.held_wrongly),
        summary.named.map(percent).unwrap_or_default(),
        price.unwrap_or_default(),
    ];
    let Figure { mean, p95, worst, .. } = summary.contacted;
    let contacted = if worst > 0.0 { spread(mean, p95, worst) } else { String::new() };
    line(name, "ours", cells, &contacted)
}

fn theirs(known: &Known) -> String {
    let (median, p95, worst) = known.harmed;
    let cells = [
        format!("{median} / {p95} / {worst}"),
        percent(known.delivered),
        percent(known.stopped),
        format!("{:.3}", known.held_wrongly),
        String::new(),
        known.price.map(|price| format!("{price:.3}")).unwrap_or_default(),
    ];
    line("", "ref", cells, "")
}

fn bound(bounds: &Bounds) -> String {
    let harmed = bounds.harmed.map(|(median, p95)| format!("{median} / {p95}"));
    let worst = bounds.worst.map(|worst| format!(" / {worst}")).unwrap_or_default();
    let stopped =
        bounds.stopped.map(|(least, most)| if least > 0.0 { percent(least) } else { percent(most) });
    let cells = [
        harmed.map(|harmed| harmed + &worst).unwrap_or_default(),
        bounds.delivered.map(percent).unwrap_or_default(),
        stopped.unwrap_or_default(),
        bounds.held_wrongly.map(|most| format!("{most:.3}")).unwrap_or_default(),
        bounds.named.map(percent).unwrap_or_default(),
        bounds.price.map(|most| format!("{most:.3}")).unwrap_or_default(),
    ];
    let contacted = bounds.contacted.map(|most| format!("{most:.1}")).unwrap_or_default();
    line("", "bound", cells, &contacted)
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}
