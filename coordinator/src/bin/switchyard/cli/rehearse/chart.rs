//! The chart of a rehearsal, for people who would rather look: harm against time, as SVG and PNG.

mod draw;

use super::Trial;
use crate::exit::Exit;
use crate::failure::Failure;
use draw::draw;
use plotters::prelude::{BitMapBackend, IntoDrawingArea, SVGBackend};
use std::path::Path;
use switchyard_shared::rehearse::{Figures, Track};

/// Width and height in pixels.
const SIZE: (u32, u32) = (1200, 520);
const FONT: &str = "sans-serif";

/// One setting in the chart.
pub struct Setting {
    /// How it is called.
    pub name: String,
    /// Harm: median and 95 %.
    pub harmed: (f64, f64),
    /// Median of the time, as a multiple of no stop and no pace.
    pub time: f64,
    /// Whether most rollouts are stopped.
    pub stopped: bool,
    /// When a typical trial harmed its devices, in seconds, and when it ended.
    pub harm_at: (Vec<f64>, f64),
}

/// What the trials say of each setting, in the order of `names`: the specs, then the rules.
pub fn settings(names: &[String], trials: &[Trial]) -> Vec<Setting> {
    let all =
        |trial: &Trial| trial.own.iter().chain(&trial.others).cloned().collect::<Vec<(Figures, Track)>>();
    let trials: Vec<Vec<(Figures, Track)>> = trials.iter().map(all).collect();
    let mut by_harm: Vec<usize> = (0..trials.len()).collect();
    by_harm.sort_by_key(|index| trials[*index].first().map_or(0, |(figures, _)| figures.harmed));
    let typical = by_harm.get(by_harm.len() / 2).and_then(|index| trials.get(*index));
    let setting = |(index, name): (usize, &String)| {
        let figures: Vec<&Figures> =
            trials.iter().filter_map(|trial| trial.get(index)).map(|(figures, _)| figures).collect();
        let at = |mut values: Vec<f64>, percent: usize| {
            values.sort_by(f64::total_cmp);
            values.get((values.len() * percent).div_ceil(100).max(1) - 1).copied().unwrap_or(0.0)
        };
        let harm = || figures.iter().map(|figures| f64::from(figures.harmed)).collect::<Vec<f64>>();
        let track = typical.and_then(|trial| trial.get(index)).map(|(_, track)| track);
        let seconds = |micros: i64| micros as f64 / 1e6;
        Setting {
            name: name.clone(),
            harmed: (at(harm(), 50), at(harm(), 95)),
            time: at(figures.iter().map(|figures| figures.multiple).collect(), 50),
            stopped: figures.iter().filter(|figures| figures.stopped).count() * 2 > figures.len(),
            harm_at: track.map_or((Vec::new(), 0.0), |track| {
                (track.harm_at.iter().map(|at| seconds(*at)).collect(), seconds(track.duration))
            }),
        }
    };
    names.iter().enumerate().map(setting).collect()
}

/// The chart as SVG and as PNG.
pub fn render(settings: &[Setting]) -> Result<(String, Vec<u8>), Failure> {
    // Again and again is harmless: the same font under the same name.
    let known =
        plotters::style::register_font(FONT, plotters::style::FontStyle::Normal, dejavu::sans::regular());
    known.map_err(|_| failed("the font cannot be read"))?;
    let mut svg = String::new();
    draw(&SVGBackend::with_string(&mut svg, SIZE).into_drawing_area(), settings).map_err(failed)?;
    let mut pixels = vec![0; SIZE.0 as usize * SIZE.1 as usize * 3];
    draw(&BitMapBackend::with_buffer(&mut pixels, SIZE).into_drawing_area(), settings).map_err(failed)?;
    Ok((svg, encode(&pixels).map_err(failed)?))
}

/// Writes `BASE.svg` and `BASE.png`.
pub fn write(base: &Path, settings: &[Setting]) -> Result<(), Failure> {
    let (svg, png) = render(settings)?;
    for (ending, bytes) in [("svg", svg.as_bytes()), ("png", &png)] {
        let name = base.file_name().unwrap_or_default().to_string_lossy();
        let path = base.with_file_name(format!("{name}.{ending}"));
        let written = switchyard_coordinator::files::write(&path, bytes);
        written.map_err(|error| failed(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

fn encode(pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(bytes)
}

fn failed(cause: impl ToString) -> Failure {
    Failure::new(Exit::Error, "NO_CHART", "the chart was not written").because(cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, stopped: bool, harm: usize) -> Setting {
        let harm_at = (0..harm).map(|number| number as f64).collect();
        let harmed = (harm as f64, 2.0 * harm as f64);
        Setting { name: name.into(), harmed, time: 1.5, stopped, harm_at: (harm_at, 200.0) }
    }

    #[test]
    fn the_chart_names_every_setting_and_needs_no_font_of_the_system() {
        let settings =
            [setting("rollout.yaml", false, 2), setting("waves", true, 900), setting("none", false, 0)];
        let (svg, png) = render(&settings).expect("a chart");
        for text in ["rollout.yaml", "waves", "none", "harmed"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(png.starts_with(b"\x89PNG\r\n") && png.len() > 5_000, "{}", png.len());
    }

    #[test]
    fn a_chart_of_nothing_is_drawn_too() {
        assert!(render(&[]).is_ok());
    }
}
