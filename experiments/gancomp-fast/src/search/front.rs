//! The front of quality against cost, over every configuration that was evaluated.

use crate::config::Criterion;
use crate::search::cost::{Axis, Cost};
use semrel_nn::channels::Channels;
use semrel_run::front::{FrontRow, FrontTable};

/// A configuration that was evaluated, with its cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The configuration.
    pub channels: Channels,
    /// What it costs.
    pub cost: Cost,
    /// How good it is.
    pub quality: f64,
}

/// The cost of a point on an axis; what was not measured is dearer than all that was.
pub fn cost_on(axis: Axis, point: &Point) -> f64 {
    axis.value(&point.cost).unwrap_or(f64::INFINITY)
}

/// Evaluated configurations by cost, and which of them are on the front.
#[derive(Debug, Clone, PartialEq)]
pub struct Front {
    /// All points, each configuration once: the cheaper first, of equal cost the better, of equal quality by widths.
    pub points: Vec<Point>,
    /// Whether each is on the front: no other is as cheap and better, or as good and cheaper.
    pub on_front: Vec<bool>,
    /// The cost.
    pub axis: Axis,
    /// The quality.
    pub criterion: Criterion,
}

impl Front {
    /// The front of some points, of which each configuration may occur more than once.
    pub fn new(mut points: Vec<Point>, axis: Axis, criterion: Criterion) -> Self {
        points.sort_by(|a, b| {
            let by_cost = cost_on(axis, a).total_cmp(&cost_on(axis, b));
            by_cost.then(criterion.order(a.quality, b.quality)).then(a.channels.cmp(&b.channels))
        });
        points.dedup_by_key(|point| point.channels);
        // The best of the strictly cheaper, and of those that cost the same.
        let (mut best_before, mut cost_of_group, mut best_of_group) = (None, None, None);
        let mut on_front = vec![];
        for point in &points {
            let cost = cost_on(axis, point);
            if cost_of_group != Some(cost) {
                let better = |a: f64, b: Option<f64>| b.is_none_or(|b| criterion.better(a, b));
                if let Some(best) = best_of_group
                    && better(best, best_before)
                {
                    best_before = Some(best);
                }
                (cost_of_group, best_of_group) = (Some(cost), Some(point.quality));
            }
            let as_good_as_group = Some(point.quality) == best_of_group;
            on_front.push(as_good_as_group && best_before.is_none_or(|b| criterion.better(point.quality, b)));
        }
        Self { points, on_front, axis, criterion }
    }

    /// The points on the front.
    pub fn front(&self) -> impl Iterator<Item = &Point> {
        self.points.iter().zip(&self.on_front).filter(|(_, on)| **on).map(|(point, _)| point)
    }

    /// As the table that is written.
    pub fn table(&self, winner: &Channels) -> FrontTable {
        let row = |(point, on): (&Point, &bool)| FrontRow {
            channels: point.channels.to_string(),
            cost: point.cost,
            quality: point.quality,
            front: *on,
            winner: point.channels == *winner,
        };
        FrontTable {
            measure: self.criterion.measure(),
            rows: self.points.iter().zip(&self.on_front).map(row).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(width: i64, macs: u64, quality: f64) -> Point {
        let cost = Cost { macs, parameters: 7, milliseconds: None };
        Point { channels: Channels::full(width), cost, quality }
    }

    #[test]
    fn equal_points_are_both_on_the_front() {
        let points =
            vec![point(4, 30, 2.0), point(1, 10, 5.0), point(2, 10, 5.0), point(3, 20, 5.0), point(5, 30, 2.5)];
        let front = Front::new(points, Axis::Macs, Criterion::Frechet);
        assert_eq!(front.on_front, [true, true, false, true, false]);
        let widths: Vec<i64> = front.front().map(|p| p.channels.values()[0]).collect();
        assert_eq!(widths, [1, 2, 4]);
    }

    #[test]
    fn the_table_has_every_point_and_says_who_won() {
        let points = vec![point(2, 20, 41.5), point(1, 10, 40.0), point(2, 20, 41.5)];
        let csv = Front::new(points.clone(), Axis::Macs, Criterion::Miou).table(&Channels::full(2)).to_csv();
        let want = "channels,macs,parameters,miou,front,winner\n1_1_1_1_1_1_1_1,10,7,40,true,false\n\
                    2_2_2_2_2_2_2_2,20,7,41.5,true,true\n";
        assert_eq!(csv, want);
        let mut timed = points;
        timed[1].cost.milliseconds = Some(1.25);
        let csv = Front::new(timed, Axis::Milliseconds, Criterion::Frechet).table(&Channels::full(1)).to_csv();
        assert!(
            csv.starts_with("channels,macs,parameters,milliseconds,fd,front,winner\n1_1_1_1_1_1_1_1,10,7,1.25,40,")
        );
        assert_eq!(Front::new(vec![], Axis::Macs, Criterion::Miou).points.len(), 0);
    }

    proptest! {
        #[test]
        fn exactly_what_nothing_dominates_is_on_the_front(
            raw in prop::collection::vec((0u64..12, 0u8..12), 1..40), miou: bool,
        ) {
            let criterion = if miou { Criterion::Miou } else { Criterion::Frechet };
            let points: Vec<Point> =
                (1..).zip(&raw).map(|(i, &(macs, quality))| point(i, macs, quality.into())).collect();
            let front = Front::new(points.clone(), Axis::Macs, criterion);
            prop_assert_eq!(front.points.len(), points.len());
            for (p, on) in front.points.iter().zip(&front.on_front) {
                let dominated = points.iter().any(|q| {
                    let (cheaper, better) = (q.cost.macs < p.cost.macs, criterion.better(q.quality, p.quality));
                    (cheaper && (better || q.quality == p.quality)) || (q.cost.macs == p.cost.macs && better)
                });
                prop_assert_eq!(*on, !dominated);
            }
            let mut reversed = points;
            reversed.reverse();
            prop_assert_eq!(Front::new(reversed, Axis::Macs, criterion), front);
        }
    }
}
