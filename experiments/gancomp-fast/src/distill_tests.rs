//! What a step of distillation touches, and what it does not.

use super::*;
use crate::networks::new_teacher;
use semrel_loss::gan::{GanMode, Target};
use serde_json::json;
use std::cell::RefCell;
use std::rc::Rc;

fn config(method: &str, layout: &str) -> Config {
    let config = json!({
        "name": "test", "method": method, "seed": 3,
        "data": { "root": "unused", "layout": layout, "load_size": 36, "image_size": 32 },
        "model": { "teacher_ngf": 2, "student_ngf": 3, "ndf": 2 },
        "distill": { "channels": [[3, 2], [3], [2, 3, 1], [3], [3], [3], [3], [3, 2]], "gan": "hinge", "lambda_distill": 1.0 },
    });
    serde_json::from_value(config).unwrap()
}

fn distillation(config: &Config) -> Distillation {
    tch::manual_seed(11);
    let teacher = new_teacher(config, Device::Cpu).unwrap();
    let channels = config.distill.channels.clone();
    Distillation::new(config, teacher, channels, &config.distill.train, Device::Cpu).unwrap()
}

/// Images that no other test's random numbers change.
fn batch() -> Batch {
    let wave = |step: f64| (Tensor::arange(3 * 32 * 32, (Kind::Float, Device::Cpu)) * step).sin().view([1, 3, 32, 32]);
    Batch { a: wave(0.7), b: wave(0.3) }
}

/// Gives `to` the weights of `from`: tests side by side draw from one generator.
fn copy_weights(from: &Distillation, to: &Distillation) {
    let networks = |d: &Distillation| {
        let heads = d.heads.as_ref().expect("`ours` has heads").flat().shallow_clone();
        let others = [d.teacher.flat(), d.student.flat(), d.adversary.discriminator.flat(), d.adapters.flat()];
        others.into_iter().map(Tensor::shallow_clone).chain([heads]).collect::<Vec<_>>()
    };
    no_grad(|| networks(from).iter().zip(networks(to)).for_each(|(from, mut to)| to.copy_(from)));
}

/// Notes the gradients of a network.
fn watched<T>(network: &mut Trained<T>) -> Rc<RefCell<Vec<Tensor>>> {
    let seen = Rc::new(RefCell::new(vec![]));
    let sink = seen.clone();
    network.probe = Some(Box::new(move |flat| sink.borrow_mut().push(flat.copy())));
    seen
}

#[test]
fn a_configuration_is_drawn_for_each_step_and_follows_from_it() {
    let networks = distillation(&config("fast", "unaligned"));
    let drawn: Vec<Channels> = (0..40).map(|step| networks.draw(&batch(), step).channels).collect();
    assert!(drawn.iter().all(|c| networks.channels.contains(c)));
    assert!(drawn.iter().collect::<std::collections::HashSet<_>>().len() > 8);
    assert_eq!(networks.draw(&batch(), 7).channels, drawn[7]);
    assert!(networks.draw(&batch(), 7).positions.is_empty(), "nobody reads them");
}

#[test]
fn a_small_map_gives_all_of_its_positions() {
    let networks = distillation(&config("ours", "unaligned"));
    let draws = networks.draw(&batch(), 0);
    assert_eq!(draws.positions.len(), 4);
    for positions in &draws.positions {
        // 8 × 8, of 256 that are asked for.
        let sorted = Vec::<i64>::try_from(positions.sort(0, false).0).unwrap();
        assert_eq!(sorted, (0..64).collect::<Vec<_>>());
    }
}

#[test]
fn one_pass_of_the_discriminator_gives_both_gradients() {
    for layout in ["unaligned", "aligned"] {
        let config = config("ours", layout);
        let (mut networks, same) = (distillation(&config), distillation(&config));
        copy_weights(&networks, &same);
        let (batch, draws) = (batch(), networks.draw(&batch(), 0));
        let (of_critic, of_student) = (watched(&mut networks.adversary.discriminator), watched(&mut networks.student));
        let _ = networks.step_with(&batch, &draws, 1).unwrap();

        // As published: the discriminator sees the student's image thrice.
        let (image, taps) = same.student.forward_tapped(&batch.a, &draws.channels);
        let patch = same.adversary.discriminator.patch().expect("as published");
        let judge = |image: &Tensor, target| {
            GanMode::Hinge.discriminator(&patch.forward(&same.seen(&batch, image)), target).unwrap()
        };
        let judged = (judge(&image.detach(), Target::Fake) + judge(&batch.b, Target::Real)) * 0.5;
        let critic = flat_gradients(&judged, &[same.adversary.discriminator.parameters()]).remove(0);
        let passes = Passes { taught: no_grad(|| same.teacher.forward_tapped(&batch.a, &TAPS)), made: (image, taps) };
        let logits = patch.forward(&same.seen(&batch, &passes.made.0)).into();
        let total = same.student_loss(&batch, &passes, &logits, &draws, 1, &mut Losses::new()).unwrap();
        let student = flat_gradients(&total, &[same.student.parameters()]).remove(0);
        for (got, want) in [(of_critic, critic), (of_student, student)] {
            let got = got.borrow();
            let largest = (&got[0] - &want).abs().max().double_value(&[]) / want.abs().max().double_value(&[]);
            assert!(got.len() == 1 && largest < 1e-4, "{layout}: {largest}");
        }
    }
}

#[test]
fn weights_outside_of_the_slices_stay_until_momentum_moves_them() {
    let mut networks = distillation(&config("fast", "unaligned"));
    let seen = watched(&mut networks.student);
    let key = "model.1.weight";
    let before = networks.student.state()[key].copy();
    let step = |networks: &mut Distillation, channels: &str| {
        let draws = Draws { channels: channels.parse().unwrap(), positions: vec![] };
        let _ = networks.step_with(&batch(), &draws, 1).unwrap();
    };
    let moved = |networks: &Distillation, row: i64| {
        (networks.student.state()[key].get(row) - before.get(row)).abs().max().double_value(&[])
    };
    step(&mut networks, "2_3_3_3_3_3_3_3");
    let gradient = |step: usize| {
        let flat = seen.borrow()[step].copy();
        networks.student.split(&flat).find(|(name, _)| *name == key).unwrap().1.copy()
    };
    assert_eq!(gradient(0).get(2).abs().max().double_value(&[]), 0.0);
    assert!(gradient(0).get(1).abs().max().double_value(&[]) > 0.0);
    assert!(moved(&networks, 2) == 0.0 && moved(&networks, 1) > 0.0);
    step(&mut networks, "3_3_3_3_3_3_3_3");
    let after = moved(&networks, 2);
    step(&mut networks, "2_3_3_3_3_3_3_3");
    assert!(moved(&networks, 2) > after && after > 0.0, "Adam goes on by its momentum");
}

#[test]
fn the_teacher_stays_and_only_ours_has_heads() {
    for (method, parts) in [("ours", vec!["G", "D", "A", "F"]), ("fast", vec!["G", "D", "A"])] {
        let mut networks = distillation(&config(method, "aligned"));
        let before = networks.teacher.flat().copy();
        let weights: Vec<Tensor> =
            networks.parts().iter().map(|part| part.state.values().next().unwrap().copy()).collect();
        let losses = networks.step(&batch(), StepInfo { epoch: 1, ..StepInfo::default() }).unwrap();
        assert!(networks.teacher.flat().equal(&before));
        assert_eq!(networks.parts().iter().map(|part| part.name).collect::<Vec<_>>(), parts);
        for (part, before) in networks.parts().iter().zip(weights) {
            assert!(!part.state.values().next().unwrap().equal(&before), "{method}: {} does not move", part.name);
        }
        assert_eq!(losses.get("G_SRC").is_some(), method == "ours");
    }
}

#[test]
fn evaluations_look_at_the_extremes() {
    let networks = distillation(&config("fast", "unaligned"));
    let named: Vec<String> = networks.looked_at().iter().map(|(name, c)| format!("{name} {c}")).collect();
    assert_eq!(named, ["largest 3_3_3_3_3_3_3_3", "smallest 2_3_1_3_3_3_3_2"]);
    let outputs = no_grad(|| networks.translate(&batch().a));
    assert_eq!(outputs.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["teacher", "largest", "smallest"]);
}

#[test]
fn a_student_narrower_than_its_teacher_or_its_set_is_refused() {
    let mut narrow = config("ours", "unaligned");
    narrow.model.teacher_ngf = 5;
    let teacher = new_teacher(&narrow, Device::Cpu).unwrap();
    let refused = |config: &Config, teacher| {
        let channels = config.distill.channels.clone();
        Distillation::new(config, teacher, channels, &config.distill.train, Device::Cpu).unwrap_err()
    };
    let text = format!("{:#}", refused(&narrow, teacher));
    assert!(text.contains("`model.student_ngf`: 3 with model.teacher_ngf 5"), "{text}");
    let mut wide = config("fast", "unaligned");
    wide.distill.channels = ChannelSet::fixed(Channels::full(4));
    let teacher = new_teacher(&wide, Device::Cpu).unwrap();
    let text = format!("{:#}", refused(&wide, teacher));
    assert!(text.contains("`distill.channels`") && text.contains("4_4_4_4_4_4_4_4"), "{text}");
}
