//! Bars: each figure that has a floor, as a multiple of it on a logarithmic scale.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::{
    backend::SVGBackend,
    drawing::IntoDrawingArea,
    element::{PathElement, Rectangle, Text},
    style::{Color, IntoFont, RGBColor, WHITE},
};

use crate::report::{Figure, Target};

/// Height of a row, and of the line of numbers above, in pixels.
const ROW: i32 = 30;
const HEAD: i32 = 40;
const WIDTH: i32 = 1100;
/// Where the bars begin and end.
const LEFT: i32 = 470;
const RIGHT: i32 = WIDTH - 60;
const GOOD: RGBColor = RGBColor(0x3a, 0x8f, 0x5c);
const BAD: RGBColor = RGBColor(0xc0, 0x4a, 0x3a);
const PLAIN: RGBColor = RGBColor(0x6b, 0x7a, 0x8f);
const INK: RGBColor = RGBColor(0x20, 0x20, 0x20);

/// Draws the ratios. A thin line in a bar's row is its target.
///
/// # Errors
/// When the file can't be written.
pub(crate) fn ratios(figures: &[Figure], to: &Path) -> Result<()> {
    let drawn: Vec<(&Figure, f64)> =
        figures.iter().filter_map(|figure| Some((figure, figure.ratio.filter(|ratio| *ratio > 0.0)?))).collect();
    let limits = drawn.iter().flat_map(|(figure, ratio)| limit(figure).into_iter().chain([*ratio]));
    let (least, most) = limits.fold((0.5, 2.0), |(least, most): (f64, f64), x| (least.min(x), most.max(x)));
    let (least, most) = (least.log2().floor(), most.log2().ceil());
    let height = HEAD + ROW * i32::try_from(drawn.len())?;
    let area = SVGBackend::new(to, (u32::try_from(WIDTH)?, u32::try_from(height)?)).into_drawing_area();
    let failed = |error: &dyn std::fmt::Display| anyhow!("no plot: {error}");
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    let text = |words: String, at: (i32, i32)| {
        let style = ("sans-serif", 13).into_font().color(&INK);
        area.draw(&Text::new(words, at, style)).map_err(|error| failed(&error))
    };
    let line = |x: i32, from: i32, until: i32, strength: f64| {
        let path = PathElement::new(vec![(x, from), (x, until)], INK.mix(strength));
        area.draw(&path).map_err(|error| failed(&error))
    };
    #[expect(clippy::cast_possible_truncation, reason = "pixels of a picture")]
    let x = |ratio: f64| LEFT + ((ratio.log2() - least) / (most - least) * f64::from(RIGHT - LEFT)) as i32;
    text("measured ÷ floor".to_owned(), (10, 10))?;
    let mut mark = least;
    while mark <= most {
        text(format!("{}×", mark.exp2()), (x(mark.exp2()) - 8, 10))?;
        line(x(mark.exp2()), HEAD - 8, height, if mark == 0.0 { 0.8 } else { 0.15 })?;
        mark += 1.0;
    }
    for (index, (figure, ratio)) in drawn.iter().enumerate() {
        let top = HEAD + ROW * i32::try_from(index)?;
        let colour = match figure.holds {
            Some(true) => GOOD,
            Some(false) => BAD,
            None => PLAIN,
        };
        let bar = [(x(1.0), top + 6), (x(*ratio), top + ROW - 8)];
        area.draw(&Rectangle::new(bar, colour.filled())).map_err(|error| failed(&error))?;
        text(figure.case.clone(), (10, top + 8))?;
        text(format!("{ratio:.2}×"), (RIGHT + 12, top + 8))?;
        if let Some(limit) = limit(figure) {
            line(x(limit), top + 2, top + ROW - 4, 1.0)?;
        }
    }
    area.present().map_err(|error| failed(&error))
}

fn limit(figure: &Figure) -> Option<f64> {
    figure.targets.iter().find_map(|target| match target {
        Target::RatioAtMost(limit) | Target::RatioAtLeast(limit) => Some(*limit),
        Target::AtMost(_) => None,
    })
}
