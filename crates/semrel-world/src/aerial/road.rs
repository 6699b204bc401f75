//! A street of the plan.

use std::ops::Range;

/// A straight street of the plan.
#[derive(Debug, Clone)]
pub(super) struct Road {
    /// Which lines of the grid it lies on, if on any: 0 those that run along y, 1 those that run along x.
    pub axis: Option<usize>,
    /// Unit vector across it, and its distance from the origin that way.
    pub normal: [f32; 2],
    pub at: f32,
    /// From where to where it runs, along [`Road::tangent`].
    pub range: Range<f32>,
    /// Half its width.
    pub half: f32,
    pub main: bool,
}

impl Road {
    pub fn on_line(axis: usize, at: f32, half: f32, main: bool) -> Self {
        let normal = if axis == 0 { [1.0, 0.0] } else { [0.0, 1.0] };
        Self { axis: Some(axis), normal, at, range: -400.0..400.0, half, main }
    }

    /// Unit vector along it: y for streets of axis 0, x for those of axis 1.
    pub fn tangent(&self) -> [f32; 2] {
        if self.axis.is_some() { [self.normal[1], self.normal[0]] } else { [-self.normal[1], self.normal[0]] }
    }

    /// (along, across) of a place: metres from the origin, and from the middle of the street.
    pub fn local(&self, [x, y]: [f32; 2]) -> (f32, f32) {
        let [tx, ty] = self.tangent();
        (x * tx + y * ty, x * self.normal[0] + y * self.normal[1] - self.at)
    }

    /// Metres from its edge, negative on it.
    pub fn edge(&self, place: [f32; 2]) -> f32 {
        let (along, across) = self.local(place);
        let beyond = (self.range.start - along).max(along - self.range.end);
        if beyond > 0.0 { across.hypot(beyond) - self.half } else { across.abs() - self.half }
    }

    /// The place at (along, across).
    pub fn point(&self, along: f32, across: f32) -> [f32; 2] {
        let ([tx, ty], [nx, ny]) = (self.tangent(), self.normal);
        [along * tx + (self.at + across) * nx, along * ty + (self.at + across) * ny]
    }
}
