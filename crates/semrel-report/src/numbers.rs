//! What is known of a method: numbers here, and the paper's.

use semrel_tables::results::Measured;
use semrel_tables::table::Cells;

/// The numbers of a method.
pub struct MethodNumbers {
    /// Its title.
    pub title: String,
    /// Numbers by checkpoint, or why there are none.
    pub here: Result<Vec<(&'static str, Cells)>, String>,
    /// The paper's; empty where it has none.
    pub paper: Cells,
}

/// The number of a column, where there is one.
pub fn number(cells: &Cells, i: usize) -> Option<Measured> {
    cells.get(i).copied().flatten()
}
