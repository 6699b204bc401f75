//! A number here beside the paper's.

use semrel_tables::columns::{Column, Digits};
use semrel_tables::table::write_number;
use serde::Serialize;

/// How a number here differs from the paper's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// With its sign.
    pub text: String,
    /// `better`, `worse` or `equal`.
    pub verdict: &'static str,
}

/// How a number differs from the paper's.
pub fn difference(here: f64, paper: f64, column: &Column) -> Difference {
    let difference = here - paper;
    let verdict = match () {
        () if difference == 0.0 => "equal",
        () if (difference > 0.0) == column.more_is_better => "better",
        () => "worse",
    };
    let sign = if difference < 0.0 { "\u{2212}" } else { "+" };
    // With the digits of the numbers that it lies between, but for counts, whose unit would hide small differences.
    let scale = match column.digits {
        Digits::Millions | Digits::Billions => difference,
        _ => here.abs().max(paper.abs()),
    };
    Difference { text: format!("{sign}{}", write_number(difference.abs(), column.digits, scale)), verdict }
}

/// How many pairs of methods are in the paper's order, and of how many that differ in both.
pub fn same_order(pairs: &[(f64, f64)]) -> Option<(usize, usize)> {
    let (mut same, mut all) = (0, 0);
    for (i, a) in pairs.iter().enumerate() {
        for b in &pairs[i + 1..] {
            let product = (a.0 - b.0) * (a.1 - b.1);
            all += usize::from(product != 0.0);
            same += usize::from(product > 0.0);
        }
    }
    (all > 0).then_some((same, all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use semrel_tables::ALL;

    #[test]
    fn better_follows_the_arrow() {
        let fd = &ALL[1].program.columns()[0];
        let map = &ALL[1].program.columns()[1];
        assert!(!fd.more_is_better && map.more_is_better);
        assert_eq!(difference(120.0, 34.4, fd), Difference { text: "+85.6".into(), verdict: "worse" });
        assert_eq!(difference(30.0, 34.4, fd), Difference { text: "\u{2212}4.40".into(), verdict: "better" });
        assert_eq!(difference(30.0, 29.0, map), Difference { text: "+1.0".into(), verdict: "better" });
        assert_eq!(difference(29.0, 29.0, map).verdict, "equal");
        let parameters = &ALL[2].program.columns()[0];
        assert_eq!(difference(0.4e6, 11.38e6, parameters).text, "\u{2212}10.98M");
    }

    #[test]
    fn orders_are_compared_by_pairs() {
        assert_eq!(same_order(&[(1.0, 10.0), (2.0, 20.0), (3.0, 15.0)]), Some((2, 3)));
        assert_eq!(same_order(&[(1.0, 10.0), (1.0, 20.0)]), None);
        assert_eq!(same_order(&[]), None);
    }
}
