//! `metrics.jsonl`, and curves of it that are short enough for a page.

use semrel_run::log::Line;
use serde::Serialize;

/// Steps, each with its value unless that was not finite.
pub type Points = Vec<(f64, Option<f64>)>;

/// What a run has logged, each metric by itself, in the order in which they first appear.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics {
    /// Names and points.
    pub curves: Vec<(String, Points)>,
    /// Step of the last line.
    pub last_step: Option<u64>,
    /// Seconds trained until then.
    pub seconds: Option<f64>,
    /// Step and name of the first value that was not finite.
    pub diverged: Option<(u64, String)>,
}

/// Reads lines, and tells of those that are damaged.
pub fn parse(bytes: &[u8]) -> (Metrics, Vec<String>) {
    let (mut metrics, mut faults) = (Metrics::default(), vec![]);
    let whole = bytes.ends_with(b"\n");
    let lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        match Line::parse(line) {
            Ok(line) => metrics.add(line),
            _ if !whole && i + 1 == lines.len() => faults.push(format!("line {} is cut off; left out", i + 1)),
            _ => faults.push(format!("line {} is not a JSON object with a `step`; left out", i + 1)),
        }
    }
    // A damaged file may be damaged as a whole.
    if faults.len() > 5 {
        let more = faults.len() - 5;
        faults.truncate(5);
        faults.push(format!("{more} more lines like these"));
    }
    (metrics, faults)
}

impl Metrics {
    fn add(&mut self, Line { step, seconds, scalars }: Line) {
        self.last_step = Some(step);
        self.seconds = seconds.or(self.seconds);
        for (name, value) in &scalars {
            let number = value.as_f64();
            if number.is_none() && !value.is_null() {
                continue; // Text is not a curve.
            }
            if number.is_none() && self.diverged.is_none() {
                self.diverged = Some((step, name.clone()));
            }
            let place = self.curves.iter().position(|(known, _)| known == name);
            let place = place.unwrap_or_else(|| {
                self.curves.push((name.clone(), vec![]));
                self.curves.len() - 1
            });
            self.curves[place].1.push((step as f64, number));
        }
    }
}

/// A curve of at most so many points. Where there were more, each point stands for several: their mean, with the least and
/// the greatest of them, so that no peak is lost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Steps.
    pub x: Vec<f64>,
    /// Values or means; null where there was no finite one.
    pub v: Vec<Option<f64>>,
    /// Least and greatest, if points stand for several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<[Vec<Option<f64>>; 2]>,
}

impl Curve {
    /// The curve of some points.
    pub fn new(points: &[(f64, Option<f64>)], most: usize) -> Self {
        if points.len() <= most {
            let (x, v) = points.iter().map(|&(x, v)| (x, v.map(short))).unzip();
            return Self { x, v, range: None };
        }
        let (mut x, mut v, mut low, mut high) = (vec![], vec![], vec![], vec![]);
        for i in 0..most {
            let part = &points[i * points.len() / most..(i + 1) * points.len() / most];
            let finite: Vec<f64> = part.iter().filter_map(|point| point.1).collect();
            let any = |value: f64| (!finite.is_empty()).then_some(short(value));
            x.push(part[part.len() - 1].0);
            v.push(any(finite.iter().sum::<f64>() / finite.len() as f64));
            low.push(any(finite.iter().copied().fold(f64::INFINITY, f64::min)));
            high.push(any(finite.iter().copied().fold(f64::NEG_INFINITY, f64::max)));
        }
        Self { x, v, range: Some([low, high]) }
    }
}

/// A number with five significant digits: more cannot be seen in a chart, and would double the page.
pub fn short(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_curves_and_damage_is_told() {
        let text = "{\"step\":10,\"seconds\":1.5,\"a\":1.0,\"b\":null}\n\nnonsense\n{\"a\":3}\n{\"step\":20,\"a\":2.0,\"t\":\"x\"}\n{\"st";
        let (metrics, faults) = parse(text.as_bytes());
        let a = ("a".to_owned(), vec![(10.0, Some(1.0)), (20.0, Some(2.0))]);
        assert_eq!(metrics.curves, [a, ("b".to_owned(), vec![(10.0, None)])]);
        assert_eq!((metrics.last_step, metrics.diverged), (Some(20), Some((10, "b".into()))));
        assert_eq!(metrics.seconds, Some(1.5));
        assert!(faults[0].starts_with("line 3 is not a JSON object") && faults[1].starts_with("line 4"), "{faults:?}");
        assert_eq!(faults[2], "line 6 is cut off; left out");
        let (_, faults) = parse("x\n".repeat(50).as_bytes());
        assert_eq!((faults.len(), faults[5].as_str()), (6, "45 more lines like these"));
        assert_eq!(parse(b""), (Metrics::default(), vec![]));
    }

    #[test]
    fn long_curves_keep_their_peaks() {
        let points: Vec<(f64, Option<f64>)> = (0..1000)
            .map(|i| (f64::from(i), (i != 500).then_some(if i == 777 { 99.0 } else { f64::from(i % 2) })))
            .collect();
        let curve = Curve::new(&points, 100);
        let [low, high] = curve.range.as_ref().unwrap();
        assert_eq!((curve.x.len(), curve.x[99], low[77], high[77]), (100, 999.0, Some(0.0), Some(99.0)));
        assert_eq!(curve.v[0], Some(0.5));
        let whole = Curve::new(&points[..100], 100);
        assert_eq!((whole.range, whole.v.len()), (None, 100));
        let holes = Curve::new(&vec![(1.0, None); 10], 5);
        assert_eq!(holes.v, vec![None; 5]);
        assert_eq!((short(123456.789), short(-0.000_123_456_7)), (123460.0, -0.00012346));
    }
}
