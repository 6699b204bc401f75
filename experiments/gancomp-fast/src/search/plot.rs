//! The front as a picture (SVG).

use crate::config::Criterion;
use crate::search::cost::Axis;
use crate::search::front::{Front, cost_on};
use crate::search::member::Member;
use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::ops::Range;

const SIZE: (u32, u32) = (900, 600);
const EVALUATED: RGBColor = RGBColor(0xb0, 0xb8, 0xc0);
const FRONT: RGBColor = RGBColor(0x1f, 0x5f, 0xa8);
const WINNER: RGBColor = RGBColor(0xc8, 0x3c, 0x1e);

/// A drawing of all points, the front as steps, and the winner. `quality` names the quality, such as `FD(effnet-lite0)`.
///
/// # Errors
/// None is known.
pub fn svg(front: &Front, winner: &Member, title: &str, quality: &str) -> Result<String> {
    let mut text = String::new();
    draw(SVGBackend::with_string(&mut text, SIZE), front, winner, title, quality)
        .map_err(|error| anyhow!("the front cannot be drawn: {error}"))?;
    Ok(text)
}

fn draw<B: DrawingBackend>(
    backend: B,
    front: &Front,
    winner: &Member,
    title: &str,
    quality: &str,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let (unit, in_units) = match front.axis {
        Axis::Macs => (1e9, ", in 10\u{2079}"),
        Axis::Parameters => (1e6, ", in 10\u{2076}"),
        Axis::Milliseconds => (1.0, ""),
    };
    let place = |cost: f64, quality: f64| (cost / unit, quality);
    let all: Vec<(f64, f64)> = front.points.iter().map(|p| place(cost_on(front.axis, p), p.quality)).collect();
    let best: Vec<(f64, f64)> = front.front().map(|p| place(cost_on(front.axis, p), p.quality)).collect();
    // Between two points of the front nothing better than the cheaper one is known.
    let steps = best.windows(2).flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]).chain(best.last().copied());
    let won = front.points.iter().find(|p| p.channels == winner.channels);
    let won = won.map(|p| place(cost_on(front.axis, p), p.quality));

    let root = backend.into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(64)
        .build_cartesian_2d(range(all.iter().map(|p| p.0)), range(all.iter().map(|p| p.1)))?;
    let better = if front.criterion == Criterion::Frechet { "lower is better" } else { "percent" };
    chart
        .configure_mesh()
        .x_desc(format!("{}{in_units}", front.axis.words()))
        .y_desc(format!("{quality}, {better}"))
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.08))
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 15))
        .draw()?;
    let dot = |at: (f64, f64), radius: i32, color: RGBColor| Circle::new(at, radius, color.filled());
    chart
        .draw_series(all.iter().map(|&at| dot(at, 3, EVALUATED)))?
        .label("evaluated")
        .legend(move |(x, y)| Circle::new((x + 10, y), 3, EVALUATED.filled()));
    chart.draw_series(LineSeries::new(steps, FRONT.stroke_width(2)))?;
    chart
        .draw_series(best.iter().map(|&at| dot(at, 4, FRONT)))?
        .label("front")
        .legend(move |(x, y)| Circle::new((x + 10, y), 4, FRONT.filled()));
    chart
        .draw_series(won.iter().map(|&at| Circle::new(at, 8, WINNER.stroke_width(3))))?
        .label(format!("winner {}", winner.channels))
        .legend(move |(x, y)| Circle::new((x + 10, y), 6, WINNER.stroke_width(3)));
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.9))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 14))
        .draw()?;
    root.present()
}

/// From the smallest to the largest, with a margin.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    if least > most {
        return 0.0..1.0;
    }
    let margin = if most > least { 0.06 * (most - least) } else { 0.5 * most.abs().max(1.0) };
    least - margin..most + margin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::cost::Cost;
    use crate::search::front::Point;
    use semrel_nn::channels::Channels;

    fn front(count: i64) -> Front {
        let point = |i: i64| Point {
            channels: Channels::full(i),
            cost: Cost { macs: 1_000_000_000 * i as u64, parameters: 1, milliseconds: None },
            quality: 100.0 / i as f64,
        };
        Front::new((1..=count).map(point).collect(), Axis::Macs, Criterion::Frechet)
    }

    #[test]
    fn every_point_and_the_winner_are_drawn() {
        let winner = Member { channels: Channels::full(3), quality: 100.0 / 3.0 };
        let text = svg(&front(5), &winner, "row & title", "FD(effnet-lite0)").unwrap();
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"), "{text}");
        let axes = ["FD(effnet-lite0), lower is better", "multiply-accumulates of one image, in 10\u{2079}"];
        for word in axes.into_iter().chain(["winner 3_3_3_3_3_3_3_3", "row &amp; title"]) {
            assert!(text.contains(word), "{word}");
        }
        // Five evaluated, five on the front, the winner, and three in the legend.
        assert_eq!(text.matches("<circle").count(), 14);
        assert_eq!(text, svg(&front(5), &winner, "row & title", "FD(effnet-lite0)").unwrap());
    }

    #[test]
    fn few_points_make_a_picture_too() {
        let winner = Member { channels: Channels::full(1), quality: 100.0 };
        for count in [0, 1] {
            assert!(svg(&front(count), &winner, "few", "FD").unwrap().contains("</svg>"));
        }
    }
}
