//! Which positions of a map are compared: all, or an even grid of them.

use tch::{Device, Tensor};

/// Rows and columns of a map that are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// Rows of the map, ascending.
    pub rows: Vec<i64>,
    /// Columns of the map, ascending.
    pub columns: Vec<i64>,
}

impl Grid {
    /// All positions of a map of this height and width, or an even grid of at most `most` where it has more.
    pub fn new(height: i64, width: i64, most: i64) -> Self {
        let area = height * width;
        let shrink = (most as f64 / area as f64).sqrt().min(1.0);
        let picked = |side: i64| {
            let count = if area <= most { side } else { ((side as f64 * shrink) as i64).max(1) };
            // The middles of `count` equal parts.
            (0..count).map(|i| (2 * i + 1) * side / (2 * count)).collect()
        };
        Self { rows: picked(height), columns: picked(width) }
    }

    /// Its positions in a map of this width, row by row.
    pub fn positions(&self, width: i64, device: Device) -> Tensor {
        let row = |&r: &i64| self.columns.iter().map(move |c| r * width + c);
        Tensor::from_slice(&self.rows.iter().flat_map(row).collect::<Vec<i64>>()).to_device(device)
    }

    /// Number of positions.
    pub fn count(&self) -> i64 {
        (self.rows.len() * self.columns.len()) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_maps_are_whole() {
        let grid = Grid::new(2, 3, 6);
        assert_eq!((grid.rows.clone(), grid.columns.clone()), (vec![0, 1], vec![0, 1, 2]));
        let positions = Vec::<i64>::try_from(grid.positions(3, Device::Cpu)).unwrap();
        assert_eq!(positions, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn large_maps_are_thinned_evenly() {
        let grid = Grid::new(70, 70, 1024);
        assert_eq!(grid.count(), 1024);
        assert_eq!((grid.rows[0], grid.rows[31]), (1, 68));
        assert!(grid.rows.windows(2).all(|w| w[1] > w[0]));
        // A long map keeps its shape.
        let long = Grid::new(10, 1000, 100);
        assert_eq!((long.rows.len(), long.columns.len()), (1, 100));
        assert_eq!(long.rows, [5]);
    }
}
