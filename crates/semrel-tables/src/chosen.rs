//! The checkpoints that a table shows, and what they are called there: by what chose them.

use super::evaluated::Terms;
use super::spec::Program;
pub use semrel_run::scores::BEST_ON_TEST;

/// The last checkpoint of a run.
pub const LAST: &str = "last";

/// The checkpoint that was chosen while the run trained.
pub const BEST: &str = "best";

/// What a checkpoint is called that the test images have chosen.
const FLATTERED: &str = "best on test†";

/// Whether a program has checkpoints to choose from.
pub fn chooses(program: &dyn Program) -> bool {
    program.checkpoints().contains(&BEST)
}

/// The checkpoints of so many results of a row, in their order.
pub fn checkpoints(program: &dyn Program, results: usize) -> Vec<&'static str> {
    program.checkpoints().iter().copied().chain([BEST_ON_TEST]).take(results).collect()
}

/// What chose the best checkpoints, if all results tell the same.
fn chosen(terms: &[Terms]) -> Option<&str> {
    let mut all = terms.iter().filter_map(|terms| terms.select.as_deref());
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// What a checkpoint is called, or another source of numbers.
pub fn called(source: &'static str, terms: &[Terms]) -> &'static str {
    match (source, chosen(terms)) {
        (BEST, Some("val")) => "chosen on val",
        (BEST, Some("test")) | (BEST_ON_TEST, _) => FLATTERED,
        (BEST, Some("last")) => LAST,
        _ => source,
    }
}

/// Whether a checkpoint that is called so was chosen by what is reported of it: such a score is not compared with others.
pub fn flatters(called: &str) -> bool {
    called == FLATTERED
}

/// Brings the lines of a method into order: the checkpoint that counts goes first, where it was chosen without the test images.
pub fn in_order<T>(lines: &mut [T], source: impl Fn(&T) -> &str, terms: &[Terms]) {
    if chosen(terms) == Some("val") {
        lines.sort_by_key(|line| source(line) != BEST);
    }
}

/// What is said of the checkpoints below a table.
pub fn caption(terms: &[Terms], best_on_test: bool) -> Option<String> {
    let on_test = format!(
        "{FLATTERED}: the best by the scores of the test images themselves, as papers choose; they flatter the method"
    );
    match chosen(terms)? {
        "val" => Some(format!(
            "Checkpoints: chosen on val: the one with the least distance on training images that were set apart, from which \
             nothing learns; last: that of the last step{}.",
            if best_on_test { format!("; {on_test}") } else { String::new() }
        )),
        "test" => Some(format!("Checkpoints: {on_test}; last: that of the last step.")),
        _ => best_on_test.then(|| format!("Checkpoints: {on_test}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cut_single::CutSingle;
    use super::super::gancomp_fast::GancompFast;
    use super::super::testing;
    use super::*;

    fn terms(select: Option<&str>) -> Terms {
        Terms { select: select.map(str::to_owned), ..testing::single(1.0, None).terms() }
    }

    #[test]
    fn a_checkpoint_is_called_by_what_chose_it() {
        let of = |select: &str| [terms(None), terms(Some(select))];
        let names = |select: &str| [BEST, LAST, BEST_ON_TEST, "paper"].map(|source| called(source, &of(select)));
        assert_eq!(names("val"), ["chosen on val", "last", "best on test†", "paper"]);
        assert_eq!(names("test")[0], "best on test†");
        assert_eq!(names(""), ["best", "last", "best on test†", "paper"]);
        // Of rows that were chosen differently it is not told.
        assert_eq!(called(BEST, &[terms(Some("val")), terms(Some("test"))]), "best");
        assert_eq!(called("measured", &[terms(None)]), "measured");
        let said = |select: &str, best_on_test| caption(&of(select), best_on_test).unwrap_or_default();
        assert!(said("val", false).contains("set apart") && !said("val", false).contains('†'));
        assert!(said("val", true).contains("as papers choose") && said("test", false).contains("flatter"));
        assert_eq!(said("", false), "");
    }

    #[test]
    fn what_was_chosen_without_the_test_goes_first() {
        let order = |select: &str| {
            let mut lines = [LAST, BEST, BEST_ON_TEST];
            in_order(&mut lines, |line| *line, &[terms(Some(select))]);
            lines
        };
        assert_eq!(order("val"), [BEST, LAST, BEST_ON_TEST]);
        assert_eq!(order("test"), [LAST, BEST, BEST_ON_TEST]);
    }

    #[test]
    fn programs_without_checkpoints_choose_nothing() {
        assert!(chooses(&CutSingle) && !chooses(&GancompFast));
        assert_eq!(checkpoints(&CutSingle, 3), [LAST, BEST, BEST_ON_TEST]);
        assert_eq!(checkpoints(&CutSingle, 2), [LAST, BEST]);
        assert_eq!(checkpoints(&GancompFast, 1), ["measured"]);
    }
}
