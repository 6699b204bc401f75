//! Plans and scores for tests.

use super::evaluated::{Baselined, Evaluated};
use super::plan::{Dataset, Plan};
use super::profile::Profile;
use super::rows::Row;
use super::spec::Spec;
use semrel_run::scores::{
    Baseline, CompressionEvaluation, Counts, DomainBaseline, DomainEvaluation, DomainProtocol, Evaluation,
    GuidedScores, GuidedTruth, MaskedPsnr, PairScores, PairTruth, Protocol, SegmentationScores, TruthScores,
};
use std::collections::BTreeMap;
use std::path::Path;

/// All rows of a table on some data sets, with everything below `root`.
pub fn plan(root: &Path, spec: &'static Spec, datasets: usize) -> Plan {
    let rows = |dataset| (0..spec.methods.len()).map(move |method| Row { dataset, method });
    let dataset =
        |i| Dataset { name: format!("set{i}"), paper: None, own: None, stem: "data".into(), settings: vec![] };
    Plan {
        best_on_test: false,
        spec,
        root: root.to_owned(),
        profile: Profile::Small,
        datasets: (0..datasets).map(dataset).collect(),
        rows: (0..datasets).flat_map(rows).collect(),
        variants: vec![],
        seeds: vec![777],
        resume: false,
        overwrite: false,
        parallel: 1,
        threads: 1,
        device: "cpu".into(),
        sets: vec![],
        configs: root.join("configs"),
        runs: root.join("runs"),
        out: root.to_owned(),
    }
}

pub fn protocol(segmenter: Option<&str>) -> Protocol {
    Protocol {
        extractor: "x".into(),
        fd_name: "FD(x)".into(),
        sources: 40,
        reals: Some(40),
        reference: "test".into(),
        size: 64,
        segmenter: segmenter.map(str::to_owned),
    }
}

pub fn domain_protocol() -> DomainProtocol {
    DomainProtocol {
        extractor: "x".into(),
        fd_name: "FD(x)".into(),
        pd_name: "PD(y)".into(),
        num_outs: 10,
        sources_per_domain: Counts::Equal(10),
        reals_per_domain: Counts::ByDomain(vec![27, 19, 27]),
        img_size: 64,
        classified_at: 4,
        real_accuracy: 0.9,
    }
}

pub fn seen(mean_iou: f64) -> SegmentationScores {
    SegmentationScores { pixel_accuracy: mean_iou + 50.0, class_accuracy: mean_iou + 10.0, mean_iou }
}

fn truth(pd: f64) -> TruthScores {
    let masked = Some(MaskedPsnr { inside: 10.0, outside: 30.0 });
    TruthScores { pd_name: "PD(y)".into(), pd, ssim: 0.75, psnr: 20.0, equal: 0, masked, pd_of_pictures: vec![] }
}

fn pair_truth(pd: f64) -> PairTruth {
    PairTruth { pd: pairs(pd), ssim: pairs(0.75), psnr: pairs(20.0) }
}

/// The same scores where the truth is known.
pub fn with_truth(evaluated: Evaluated, pd: f64) -> Evaluated {
    let guided = || Some(GuidedTruth { mean: pair_truth(pd), nearest: pair_truth(pd / 2.0) });
    match evaluated {
        Evaluated::Single(of) => Evaluated::Single(Evaluation { truth: Some(truth(pd)), ..of }),
        Evaluated::Compression(of) => Evaluated::Compression(CompressionEvaluation { truth: Some(truth(pd)), ..of }),
        Evaluated::Domains(of) => {
            let [latent, reference] = [of.latent, of.reference].map(|of| GuidedScores { truth: guided(), ..of });
            Evaluated::Domains(DomainEvaluation { latent, reference, ..of })
        }
    }
}

/// The same of images that are not translated.
pub fn baseline_with_truth(baselined: Baselined, pd: f64) -> Baselined {
    match baselined {
        Baselined::Pair(of) => Baselined::Pair(Baseline { truth: Some(truth(pd)), ..of }),
        Baselined::Domains(of) => Baselined::Domains(DomainBaseline { truth: Some(pair_truth(pd)), ..of }),
    }
}

pub fn single(fd: f64, segmenter: Option<&str>) -> Evaluated {
    Evaluated::Single(Evaluation {
        checkpoint: "last".into(),
        step: 9,
        stretched: false,
        select: None,
        protocol: protocol(segmenter),
        fd,
        segmentation: segmenter.map(|_| seen(20.0)),
        truth: None,
        more: BTreeMap::new(),
        seconds: 1.0,
    })
}

pub fn compression(fd: f64, parameters: u64) -> Evaluated {
    Evaluated::Compression(CompressionEvaluation {
        name: "x".into(),
        of: "export".into(),
        channels: Some("16_16".into()),
        step: 9,
        parameters,
        macs: 1000,
        milliseconds: 1.0,
        threads: 1,
        protocol: protocol(None),
        fd,
        segmentation: None,
        truth: None,
        more: BTreeMap::new(),
        images: "results/x".into(),
        seconds: 1.0,
    })
}

pub fn pairs(mean: f64) -> PairScores {
    PairScores { mean, pairs: [("a2b".to_owned(), mean)].into() }
}

pub fn domains(fd: f64) -> Evaluated {
    let scores = |fd: f64| {
        let (fd, pd, target_accuracy) = (pairs(fd), pairs(0.25), pairs(0.5));
        GuidedScores { fd, pd, target_accuracy, truth: None, more: BTreeMap::new() }
    };
    Evaluated::Domains(DomainEvaluation {
        checkpoint: "last".into(),
        step: 9,
        select: None,
        protocol: domain_protocol(),
        latent: scores(fd),
        reference: scores(fd * 10.0),
        seconds: 1.0,
    })
}

pub fn baseline(fd: f64, segmenter: Option<&str>) -> Baselined {
    Baselined::Pair(Baseline {
        protocol: protocol(segmenter),
        fd,
        ceiling: segmenter.map(|_| seen(50.0)),
        truth: None,
        more: BTreeMap::new(),
    })
}

pub fn domain_baseline(fd: f64) -> Baselined {
    let (protocol, fd, target_accuracy) = (domain_protocol(), pairs(fd), pairs(0.125));
    Baselined::Domains(DomainBaseline { protocol, fd, target_accuracy, truth: None, more: BTreeMap::new() })
}
