//! How far the paper's numbers may be compared with those of a table: what the results say of themselves, beside what the paper
//! tells.

use super::collected::Collected;
use super::columns::{Kind, Published};
use super::evaluated::Terms;
use super::plan::Plan;
use super::profile::Profile;
use super::results::{each, range};
use super::spec::{DatasetSpec, PaperImages, Spec};

/// Which images results are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Images<'a> {
    /// The data set of this name.
    DataSet(&'a str),
    /// What stands in for it.
    SampleWorld,
}

/// Something that scores depend on.
struct Fact {
    paper: String,
    here: String,
    /// The kind of score that depends on it; all do where there is none.
    of: Option<Kind>,
    same: bool,
}

/// A sentence per data set.
pub fn sentences(plan: &Plan, collected: &Collected) -> Vec<String> {
    let sentence = |dataset: usize| {
        let name = &plan.datasets[dataset].name;
        match plan.datasets[dataset].paper {
            None => format!("{name}: these are your own images, of which the paper has no numbers."),
            Some(paper) => {
                let images = match plan.profile {
                    Profile::Sample => Images::SampleWorld,
                    Profile::Small | Profile::Paper => Images::DataSet(name),
                };
                of_dataset(plan.spec, &plan.spec.datasets[paper], name, images, &collected.terms(dataset))
            }
        }
    };
    plan.datasets_in_use().into_iter().map(sentence).collect()
}

/// How far the numbers of a data set may be compared with the paper's of `paper`.
fn of_dataset(spec: &Spec, paper: &DatasetSpec, name: &str, images: Images<'_>, terms: &[Terms]) -> String {
    if terms.is_empty() {
        return format!("{name}: nothing was measured that the paper's numbers could be compared with.");
    }
    let published = spec.program.published();
    let has = |kind: Kind| {
        let columns = || spec.program.columns().iter().filter(|column| column.kind == kind);
        let numbers = spec.methods.iter().flat_map(|method| method.paper).filter(|number| number.0 == paper.name);
        numbers.into_iter().any(|number| columns().any(|column| column.is_called(number.1)))
    };
    let facts = facts(published, paper, images, terms, [has(Kind::Segmentation), has(Kind::Recounted)]);
    let differing = |pick: fn(&Fact) -> &str| {
        let told = facts.iter().filter(|fact| !fact.same).map(pick);
        told.collect::<Vec<_>>().join(", ")
    };
    let which = || format!("The paper: {}; here: {}.", differing(|fact| &fact.paper), differing(|fact| &fact.here));
    let all_differ = facts.iter().any(|fact| !fact.same && fact.of.is_none());
    let comparable = facts.iter().filter(|fact| fact.same && fact.of.is_some()).collect::<Vec<_>>();
    let runs = published.runs;
    if facts.iter().all(|fact| fact.same) {
        let told = |fact: &Fact| fact.here.clone();
        let all = facts.iter().map(told).collect::<Vec<_>>().join(", ");
        return format!("{name}: measured as in the paper, with whose numbers these may be compared: {all}. {runs}");
    }
    if all_differ || comparable.is_empty() {
        return format!(
            "{name}: the paper's scores cannot be compared with those here, only the order of methods can. {}",
            which()
        );
    }
    let names = |kind: Kind| match kind {
        Kind::Segmentation => {
            let columns = spec.program.columns().iter().filter(|column| column.kind == kind);
            columns.map(|column| column.title).collect::<Vec<_>>().join(", ")
        }
        Kind::Frechet => published.frechet.to_owned(),
        Kind::Perceptual => published.perceptual.unwrap_or_default().to_owned(),
        Kind::Recounted | Kind::Accuracy | Kind::Count => String::new(),
        Kind::Truth | Kind::NearestTruth | Kind::Likeness | Kind::Further => String::new(),
    };
    let comparable = comparable.iter().filter_map(|fact| fact.of.map(names)).collect::<Vec<_>>().join(" and ");
    format!(
        "{name}: {comparable} may be compared with the paper's; of the other scores only the order of methods can. {} {runs}",
        which()
    )
}

fn facts(
    published: &Published,
    paper: &DatasetSpec,
    images: Images<'_>,
    terms: &[Terms],
    [segmentation, recounted]: [bool; 2],
) -> Vec<Fact> {
    let here = |pick: &dyn Fn(&Terms) -> String| each(terms.iter().map(pick));
    let all = |same: &dyn Fn(&Terms) -> bool| terms.iter().all(same);
    let mut facts = vec![Fact {
        paper: published.frechet.to_owned(),
        here: here(&|terms| terms.frechet.clone()),
        of: Some(Kind::Frechet),
        same: all(&|terms| terms.frechet == published.frechet),
    }];
    if let Some(perceptual) = published.perceptual {
        facts.push(Fact {
            paper: perceptual.to_owned(),
            here: here(&|terms| terms.perceptual.clone().unwrap_or_else(|| "no perceptual distance".into())),
            of: Some(Kind::Perceptual),
            same: all(&|terms| terms.perceptual.as_deref() == Some(perceptual)),
        });
    }
    if let Some(segmenter) = published.segmenter.filter(|_| segmentation) {
        let name = |name: &str| format!("the segmenter {name}");
        facts.push(Fact {
            paper: name(segmenter),
            here: here(&|terms| terms.segmenter.as_deref().map_or_else(|| "no segmenter".into(), name)),
            of: Some(Kind::Segmentation),
            same: all(&|terms| terms.segmenter.as_deref() == Some(segmenter)),
        });
    }
    if recounted {
        facts.push(Fact {
            paper: "pixAcc and classAcc of pictures whose red and blue are exchanged".to_owned(),
            here: "of pictures as they are".to_owned(),
            of: Some(Kind::Recounted),
            same: false,
        });
    }
    let PaperImages { sources, reference, reals } = paper.images;
    let (tests, compared) = match terms[0].sources.len() {
        1 => ("test images", "real"),
        _ => ("test images per domain", "real"),
    };
    let of = match images {
        Images::DataSet(name) => name.to_owned(),
        Images::SampleWorld => "the sample world".to_owned(),
    };
    let same_images = images == Images::DataSet(paper.name);
    facts.push(Fact {
        paper: format!("{sources} {tests} of {}", paper.name),
        here: format!("{} {tests} of {of}", here(&|terms| range(&terms.sources))),
        of: None,
        same: same_images && all(&|terms| terms.sources.iter().all(|count| *count == sources)),
    });
    let side = |side: u32| if side == 0 { "their own size".to_owned() } else { format!("{side} x {side} pixels") };
    facts.push(Fact {
        paper: side(published.size),
        here: here(&|terms| side(terms.size)),
        of: None,
        same: all(&|terms| terms.size == published.size),
    });
    let ascending = |counts: &[u64]| {
        let mut counts = counts.to_vec();
        counts.sort_unstable();
        counts
    };
    let reference_here = |terms: &Terms| match (&terms.reals, terms.reference.as_str()) {
        (_, "statistics") => "the statistics of an archive".to_owned(),
        (Some(counts), of) => format!("{} {compared} images ({of})", range(counts)),
        (None, of) => format!("{compared} images ({of})"),
    };
    let known = reals.iter().map(|counts| range(counts)).collect::<Vec<_>>();
    facts.push(Fact {
        paper: format!("compared with {} {compared} images ({reference})", known.join(" or ")),
        here: format!("compared with {}", here(&reference_here)),
        of: None,
        same: all(&|terms| {
            let counts = terms.reals.as_deref().map(ascending);
            terms.reference == reference && counts.is_some_and(|counts| reals.iter().any(|known| *known == counts))
        }),
    });
    if published.outputs > 1 {
        facts.push(Fact {
            paper: format!("{} outputs per source", published.outputs),
            here: format!("{} outputs per source", here(&|terms| terms.outputs.to_string())),
            of: None,
            same: all(&|terms| terms.outputs == published.outputs),
        });
    }
    facts
}

#[cfg(test)]
#[path = "compared_tests.rs"]
mod tests;
