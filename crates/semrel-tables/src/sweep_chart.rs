//! The scores of a sweep against the values of its key, as a picture (SVG).

use plotters::prelude::*;
use semrel_statistics::mean;
use std::ops::Range;

const SIZE: (u32, u32) = (760, 480);
const SEED: RGBColor = RGBColor(0x9a, 0xb4, 0xcc);
const MEAN: RGBColor = RGBColor(0x1f, 0x5f, 0xa8);

/// A value of the key, and the score of each seed.
pub type Point = (String, Vec<f64>);

/// A drawing of all seeds as dots, and their means joined. Values stand side by side in their order, at equal distances.
///
/// # Errors
/// What the drawing fails with; none is known.
pub fn svg(title: &str, key: &str, metric: &str, points: &[Point]) -> Result<String, String> {
    let mut text = String::new();
    draw(SVGBackend::with_string(&mut text, SIZE), title, key, metric, points).map_err(|error| error.to_string())?;
    Ok(text)
}

fn draw<B: DrawingBackend>(
    backend: B,
    title: &str,
    key: &str,
    metric: &str,
    points: &[Point],
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let root = backend.into_drawing_area();
    root.fill(&WHITE)?;
    let last = points.len() as f64 - 0.5;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(-0.5..last, range(points.iter().flat_map(|(_, seeds)| seeds.iter().copied())))?;
    let name = |at: &f64| {
        let nearest = at.round();
        let is_one = (at - nearest).abs() < 1e-6 && nearest >= 0.0;
        if is_one {
            points.get(nearest as usize).map_or(String::new(), |(name, _)| name.clone())
        } else {
            String::new()
        }
    };
    chart
        .configure_mesh()
        .x_desc(key)
        .y_desc(metric)
        .x_labels(2 * points.len() + 1)
        .x_label_formatter(&name)
        .disable_x_mesh()
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.08))
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 15))
        .draw()?;
    let seeds = points.iter().enumerate().flat_map(|(i, (_, seeds))| seeds.iter().map(move |score| (i as f64, *score)));
    chart.draw_series(seeds.map(|at| Circle::new(at, 4, SEED.filled())))?;
    let means: Vec<(f64, f64)> = points
        .iter()
        .enumerate()
        .filter(|(_, (_, seeds))| !seeds.is_empty())
        .map(|(i, (_, seeds))| (i as f64, mean(seeds)))
        .collect();
    chart.draw_series(LineSeries::new(means.iter().copied(), MEAN.stroke_width(2)))?;
    chart.draw_series(means.iter().map(|&at| Circle::new(at, 5, MEAN.filled())))?;
    root.present()
}

/// From the smallest to the largest, with a margin.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    if least > most {
        return 0.0..1.0;
    }
    let margin = if most > least { 0.08 * (most - least) } else { 0.5 * most.abs().max(1.0) };
    least - margin..most + margin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_and_every_mean_is_drawn_under_its_value() {
        let points =
            [("1".to_owned(), vec![2.0, 2.2]), ("0.1".to_owned(), vec![1.0, 1.5]), ("gone".to_owned(), vec![])];
        let text = svg("ours & more", "loss.gamma_start", "PD to truth ↓", &points).unwrap();
        assert_eq!(text.matches("<circle").count(), 4 + 2);
        for word in ["ours &amp; more", "loss.gamma_start", "PD to truth", ">\n0.1\n<", ">\n1\n<"] {
            assert!(text.contains(word), "{word}: {text}");
        }
        assert!(svg("none", "k", "m", &[]).unwrap().contains("</svg>"));
    }
}
