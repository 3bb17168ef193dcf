//! Two panels: harm against time for each setting, and harm over time in a typical trial.

use super::{FONT, Setting};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::ops::Range;

/// Colours that people who see few colours tell apart, too (Okabe and Ito).
const COLORS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
    RGBColor(120, 120, 120),
];
const TICKS: [f64; 9] = [0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 1_000.0, 10_000.0, 100_000.0];

type Result<DB> = std::result::Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Harm from none to thousands on one axis.
fn height(harm: f64) -> f64 {
    (harm + 1.0).log10()
}

/// An axis of harm up to `top`, with a tick at each of [`TICKS`] that fits.
struct Harm {
    axis: RangedCoordf64,
    top: f64,
}

fn axis(top: f64) -> Harm {
    Harm { axis: (0.0..top).into(), top }
}

impl Ranged for Harm {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.axis.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        TICKS.iter().map(|tick| height(*tick)).filter(|tick| *tick <= self.top).collect()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.top
    }
}

fn harm_label(height: &f64) -> String {
    format!("{:.0}", 10f64.powf(*height) - 1.0)
}

fn color(index: usize) -> RGBColor {
    COLORS[index % COLORS.len()]
}

/// Draws both panels.
pub(super) fn draw<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, settings: &[Setting]) -> Result<DB> {
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(area.dim_in_pixel().0 / 2);
    let most = settings.iter().map(|setting| setting.harmed.1.max(setting.harm_at.0.len() as f64));
    let top = height(most.fold(10.0, f64::max)) * 1.08;
    against_time(&left, settings, top)?;
    over_time(&right, settings, top)?;
    area.present()
}

fn against_time<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    settings: &[Setting],
    top: f64,
) -> Result<DB> {
    let longest = settings.iter().map(|setting| setting.time).fold(2.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption("Harm (line: median to 95 %) against time", (FONT, 18))
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(-1.5..longest.log2() + 0.8, axis(top))?;
    chart
        .configure_mesh()
        .x_desc("time, as a multiple of no stop and no pace (hollow: stopped)")
        .y_desc("devices harmed")
        .x_label_formatter(&|x| format!("{:.1}", x.exp2()))
        .y_label_formatter(&harm_label)
        .label_style((FONT, 13))
        .light_line_style(WHITE)
        .draw()?;
    for (index, setting) in settings.iter().enumerate() {
        let color = color(index);
        let x = setting.time.max(0.36).log2();
        let (median, p95) = (height(setting.harmed.0), height(setting.harmed.1));
        chart.draw_series(std::iter::once(PathElement::new(
            vec![(x, median), (x, p95)],
            color.stroke_width(2),
        )))?;
        let style = if setting.stopped { color.stroke_width(2) } else { color.filled() };
        chart.draw_series([Circle::new((x, median), 6, style), Circle::new((x, p95), 3, color.filled())])?;
        let beside = (x + 0.08, p95 + 0.02);
        chart.draw_series(std::iter::once(Text::new(
            setting.name.clone(),
            beside,
            (FONT, 14).into_font().color(&color),
        )))?;
    }
    Ok(())
}

fn over_time<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    settings: &[Setting],
    top: f64,
) -> Result<DB> {
    let ends = settings.iter().filter(|setting| setting.time <= 4.0).map(|setting| setting.harm_at.1);
    let end = ends.fold(60.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption("Harm over time in a typical trial", (FONT, 18))
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..end * 1.02, axis(top))?;
    chart
        .configure_mesh()
        .x_desc("seconds since the start (what takes much longer is cut)")
        .y_desc("devices harmed")
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&harm_label)
        .label_style((FONT, 13))
        .light_line_style(WHITE)
        .draw()?;
    for (index, setting) in settings.iter().enumerate() {
        let color = color(index);
        let series = chart.draw_series(LineSeries::new(steps(setting, end), color.stroke_width(2)))?;
        let name = setting.name.clone();
        series
            .label(name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .label_font((FONT, 13))
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    Ok(())
}

/// The stairs of one trial, up to its end or the edge of the panel.
fn steps(setting: &Setting, end: f64) -> Vec<(f64, f64)> {
    let (harm_at, ended) = &setting.harm_at;
    let mut points = vec![(0.0, 0.0)];
    for (count, at) in harm_at.iter().enumerate().filter(|(_, at)| **at <= end) {
        points.push((*at, height(count as f64)));
        points.push((*at, height(count as f64 + 1.0)));
    }
    let last = points.last().map_or(0.0, |(_, harm)| *harm);
    points.push((ended.min(end), last));
    points
}
