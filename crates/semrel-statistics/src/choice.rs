//! Which checkpoint a validation score chooses.

use serde::Serialize;

/// A checkpoint and its validation score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its step.
    pub step: u64,
    /// Its validation score, lower being better. One that is not finite is no candidate.
    pub val: f64,
    /// Its test score, where it was taken.
    pub test: Option<f64>,
}

/// What was chosen, beside the last and the best on test data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Choice {
    /// Step of the least validation score; of ties the earliest.
    pub chosen: u64,
    /// Step of the last candidate.
    pub last: u64,
    /// Step of the least test score, as papers choose, where test scores were taken.
    pub best_on_test: Option<u64>,
    /// How much choosing on test data would flatter: the test score of the chosen minus that of the best on test.
    pub optimism: Option<f64>,
}

/// The choice among candidates in the order of their steps; `None` where no validation score is finite.
pub fn choose(candidates: &[Candidate]) -> Option<Choice> {
    let least = |score: &dyn Fn(&Candidate) -> Option<f64>| {
        let scored = candidates.iter().filter_map(|c| Some((c, score(c).filter(|v| v.is_finite())?)));
        scored.reduce(|best, next| if next.1 < best.1 { next } else { best })
    };
    let (chosen, _) = least(&|c| Some(c.val))?;
    let best = least(&|c| c.test);
    Some(Choice {
        chosen: chosen.step,
        last: candidates.last()?.step,
        best_on_test: best.map(|(c, _)| c.step),
        optimism: chosen.test.zip(best).map(|(test, (_, least))| test - least),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_that_are_not_finite_are_no_candidates() {
        let of = |step, val| Candidate { step, val, test: None };
        assert_eq!(choose(&[of(1, f64::NAN)]), None);
        let choice = choose(&[of(1, f64::NAN), of(2, 3.0), of(3, 3.0)]).unwrap();
        assert_eq!((choice.chosen, choice.last, choice.best_on_test, choice.optimism), (2, 3, None, None));
    }
}
