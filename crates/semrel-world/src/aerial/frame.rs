//! Where samples of the picture lie in the plan.

use super::plan::Plan;

/// Where the samples of a picture lie in the plan.
pub(super) struct Frame {
    /// Samples a side.
    pub side: usize,
    /// Place of each sample, row-major, in metres.
    pub places: Vec<[f32; 2]>,
    /// Metres from a sample to the next, and from a pixel to the next.
    pub sample: f32,
    pub pixel: f32,
}

impl Frame {
    pub fn new(plan: &Plan, size: usize, factor: usize) -> Self {
        let side = size * factor;
        let centre = |i: usize| (i as f32 + 0.5) / side as f32;
        let places = (0..side * side).map(|at| plan.place(centre(at % side), centre(at / side))).collect();
        Self { side, places, sample: plan.extent / side as f32, pixel: plan.extent / size as f32 }
    }

    /// Calls `paint(sample, offset)` for the samples within about `radius` of `place`; `offset` is the way from there.
    pub fn around(&self, plan: &Plan, place: [f32; 2], radius: f32, mut paint: impl FnMut(usize, [f32; 2])) {
        // The bends of the plan stretch it a little.
        let reach = (1.3 * radius + self.sample) / plan.extent;
        let span = |t: f32| {
            let bound = |t: f32| (t * self.side as f32).clamp(0.0, self.side as f32);
            bound(t - reach) as usize..bound(t + reach).ceil() as usize
        };
        let [x, y] = plan.picture(place);
        for row in span(y) {
            for at in span(x).map(|column| row * self.side + column) {
                let [px, py] = self.places[at];
                paint(at, [px - place[0], py - place[1]]);
            }
        }
    }
}
