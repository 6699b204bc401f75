use super::super::table_single::TABLE_SINGLE;
use super::super::table1::TABLE_1;
use super::super::table2::TABLE_2;
use super::super::table3::TABLE_3;
use super::super::testing;
use super::*;
use crate::ALL;
use crate::plan::Dataset;
use crate::rows::Row;
use semrel_run::scores::{Baseline, Protocol};

/// Results as the paper's of a data set.
fn published(spec: &Spec, dataset: usize) -> Terms {
    let (published, images) = (spec.program.published(), spec.datasets[dataset].images);
    let domains = images.reals[0].len();
    Terms {
        frechet: published.frechet.into(),
        perceptual: published.perceptual.map(str::to_owned),
        segmenter: (spec.datasets[dataset].name == "cityscapes").then(|| published.segmenter.unwrap().into()),
        truth: None,
        size: published.size,
        sources: vec![images.sources; domains],
        reals: Some(images.reals[0].iter().rev().copied().collect()),
        reference: images.reference.into(),
        outputs: published.outputs,
        select: None,
    }
}

fn said(spec: &Spec, dataset: usize, terms: &[Terms]) -> String {
    let paper = &spec.datasets[dataset];
    of_dataset(spec, paper, paper.name, Images::DataSet(paper.name), terms)
}

#[test]
fn what_is_measured_as_published_may_be_compared() {
    for spec in ALL {
        for (dataset, paper) in spec.datasets.iter().enumerate() {
            let terms = published(spec, dataset);
            let text = said(spec, dataset, &[terms.clone(), terms]);
            if spec.program.name() == "cut-single" && paper.name == "cityscapes" {
                // The published script of two scores has a slip, which is not repeated here.
                let start =
                    "cityscapes: FID and mAP may be compared with the paper's; of the other scores only the order";
                assert!(
                    text.starts_with(start) && text.contains("red and blue are exchanged; here: of pictures as"),
                    "{text}"
                );
                continue;
            }
            let start = format!("{}: measured as in the paper, with whose numbers these may be compared: ", paper.name);
            assert!(text.starts_with(&start) && !text.contains("cannot"), "{text}");
            assert!(text.contains(spec.program.published().frechet) && text.contains("256 x 256 pixels"), "{text}");
            assert!(text.contains(&format!(" of {}", paper.name)) && !text.contains("sample world"), "{text}");
        }
    }
    let text = said(&TABLE_3, 0, &[published(&TABLE_3, 0)]);
    let want =
        "FID, 120 test images of horse2zebra, 256 x 256 pixels, compared with 140 real images (test). The paper's";
    assert!(text.contains(want) && text.contains("best epoch on the test images"), "{text}");
}

#[test]
fn the_sample_world_is_another_data_set_with_other_metrics() {
    let terms = testing::single(1.0, None).terms();
    let paper = &TABLE_3.datasets[0];
    let text = of_dataset(&TABLE_3, paper, "horse2zebra", Images::SampleWorld, &[terms]);
    assert_eq!(
        text,
        "horse2zebra: the paper's scores cannot be compared with those here, only the order of methods can. The paper: FID, \
         120 test images of horse2zebra, 256 x 256 pixels, compared with 140 real images (test); here: FD(x), 40 test images \
         of the sample world, 64 x 64 pixels, compared with 40 real images (test)."
    );
    // The very metric over images of the sample world, of the paper's size and number, is of other images still.
    let text = of_dataset(&TABLE_3, paper, "horse2zebra", Images::SampleWorld, &[published(&TABLE_3, 0)]);
    let differ = "The paper: 120 test images of horse2zebra; here: 120 test images of the sample world.";
    assert!(text.contains("cannot be compared") && text.ends_with(differ), "{text}");
}

#[test]
fn every_difference_is_named_with_both_values_and_nothing_else() {
    let tell = |change: &dyn Fn(&mut Terms)| {
        let mut terms = published(&TABLE_1, 0);
        change(&mut terms);
        let text = said(&TABLE_1, 0, &[published(&TABLE_1, 0), terms]);
        text.split_once("The paper: ").unwrap().1.to_owned()
    };
    assert_eq!(tell(&|terms| terms.size = 128), "256 x 256 pixels; here: 256 x 256 pixels or 128 x 128 pixels.");
    assert_eq!(tell(&|terms| terms.outputs = 2), "10 outputs per source; here: 10 or 2 outputs per source.");
    let domains = "100 test images per domain of seasons; here: 100 or 3-100 test images per domain of seasons.";
    assert_eq!(tell(&|terms| terms.sources[2] = 3), domains);
    let text = tell(&|terms| terms.reference = "statistics".into());
    assert!(text.ends_with("or the statistics of an archive."), "{text}");
    let text = tell(&|terms| terms.reals = Some(vec![5; 4]));
    assert!(
        text.starts_with("compared with 1055-1460 or 955-1360 real images (train); here: ") && text.contains("5 real")
    );
}

#[test]
fn one_metric_may_be_the_papers_and_another_not() {
    let mut terms = published(&TABLE_SINGLE, 1);
    terms.segmenter = Some("effnet-lite0-head".into());
    let text = said(&TABLE_SINGLE, 1, &[terms.clone()]);
    assert!(
        text.starts_with("cityscapes: FID may be compared with the paper's; of the other scores only the order"),
        "{text}"
    );
    assert!(
        text.contains("The paper: the segmenter drn-d-22, ")
            && text.contains("here: the segmenter effnet-lite0-head, "),
        "{text}"
    );
    terms.segmenter = None;
    assert!(said(&TABLE_SINGLE, 1, &[terms.clone()]).contains("here: no segmenter, "));
    (terms.frechet, terms.segmenter) = ("FD(x)".into(), Some("drn-d-22".into()));
    let text = said(&TABLE_SINGLE, 1, &[terms.clone()]);
    assert!(text.starts_with("cityscapes: mAP may be compared"), "{text}");
    terms.segmenter = Some("drn-d-105".into());
    assert!(said(&TABLE_SINGLE, 1, &[terms]).contains("cannot be compared"));
    let mut terms = published(&TABLE_2, 2);
    terms.size = 128;
    let text = said(&TABLE_2, 2, &[terms]);
    assert!(text.contains("cannot") && text.contains("256 x 256 pixels; here: 128 x 128 pixels."), "{text}");
    assert!(said(&TABLE_2, 0, &[]).contains("nothing was measured"));
}

/// A plan of one row of the ablation.
fn plan(profile: Profile, dataset: Dataset) -> Plan {
    Plan {
        variants: vec![],
        root: "nowhere".into(),
        spec: &TABLE_3,
        profile,
        datasets: vec![dataset],
        rows: vec![Row { dataset: 0, method: 6 }],
        seeds: vec![777],
        resume: false,
        overwrite: false,
        best_on_test: false,
        parallel: 1,
        threads: 1,
        device: "cpu".into(),
        sets: vec![],
        configs: "configs".into(),
        runs: "runs".into(),
        out: "out".into(),
    }
}

#[test]
fn profiles_and_own_images_decide_what_is_compared() {
    let collected = |fd_name: &str, [sources, reals, size]: [u64; 3]| {
        let mut protocol = Protocol { fd_name: fd_name.into(), reals: Some(reals), ..testing::protocol(None) };
        (protocol.sources, protocol.size) = (sources as usize, size as u32);
        let baseline = Baseline { protocol, fd: 9.0, ceiling: None, truth: None, more: Default::default() };
        Collected { baselines: vec![(0, Ok(crate::evaluated::Baselined::Pair(baseline)))], runs: vec![] }
    };
    let dataset = |name: &str, paper: Option<usize>| {
        let own = paper.is_none().then(|| "photos".into());
        Dataset { name: name.into(), paper, own, stem: name.into(), settings: vec![] }
    };
    let as_published = collected("FID", [120, 140, 256]);
    let sample = plan(Profile::Sample, dataset("horse2zebra", Some(0)));
    let text = sentences(&sample, &collected("FD(effnet-lite0)", [40, 40, 64])).concat();
    assert!(text.contains("cannot") && text.contains("FD(effnet-lite0), 40 test images of the sample world"), "{text}");
    assert!(sentences(&sample, &as_published).concat().contains("cannot"));
    // Three images of the user's own, whatever their folder is called.
    for name in ["photos", "horse2zebra"] {
        let own = plan(Profile::Paper, dataset(name, None));
        let text = sentences(&own, &collected("FID", [3, 3, 256]));
        assert_eq!(text, [format!("{name}: these are your own images, of which the paper has no numbers.")]);
    }
    let paper = plan(Profile::Paper, dataset("horse2zebra", Some(0)));
    let text = sentences(&paper, &as_published).concat();
    assert!(text.starts_with("horse2zebra: measured as in the paper"), "{text}");
    let text = sentences(&paper, &collected("FD(effnet-lite0)", [120, 140, 256])).concat();
    assert!(text.contains("cannot") && text.ends_with("The paper: FID; here: FD(effnet-lite0)."), "{text}");
    let text = sentences(&plan(Profile::Small, dataset("horse2zebra", Some(0))), &collected("FID", [118, 140, 256]));
    assert!(text[0].ends_with("The paper: 120 test images of horse2zebra; here: 118 test images of horse2zebra."));
}
