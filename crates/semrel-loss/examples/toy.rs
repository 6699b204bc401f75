//! A generator that recolours without moving anything: `cargo run -p semrel-loss --example toy`.
//!
//! Images are random stripes. Outputs shall be blue on average, which says nothing about what is where; SRC and hDCE ask
//! that patches of the output relate to each other as those of the input do.

use semrel_loss::curriculum::IterationCurriculum;
use semrel_loss::patch_sampler::{HeadKeys, PatchSampler};
use semrel_loss::semantic::{PatchLossConfig, semantic_relation_losses};
use semrel_loss::{Formulation, Gradient, LossError};
use tch::nn::{self, Module, OptimizerConfig};
use tch::{Device, Kind, Tensor};

const BATCH: i64 = 4;
const SIDE: i64 = 16;
const STEPS: u64 = 60;
const OPTIONS: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Stripes of random width and direction in two random colours, `[BATCH, 3, SIDE, SIDE]` in 0..1.
fn images() -> Tensor {
    let stripes = |_| {
        let width: Tensor = 1.0 + 3.0 * Tensor::rand([1], OPTIONS);
        let mask =
            (Tensor::arange(SIDE, OPTIONS) / width).sin().gt(0.0).to_kind(Kind::Float).expand([SIDE, SIDE], true);
        let mask = if Tensor::rand([1], OPTIONS).double_value(&[0]) < 0.5 { mask.tr() } else { mask };
        let [first, second] = [(); 2].map(|()| Tensor::rand([3, 1, 1], OPTIONS));
        &mask * first + (1.0 - &mask) * second
    };
    Tensor::stack(&(0..BATCH).map(stripes).collect::<Vec<_>>(), 0)
}

/// Trains for [`STEPS`] steps; the total loss of each.
pub fn train() -> Result<Vec<f64>, LossError> {
    tch::manual_seed(1);
    let store = nn::VarStore::new(Device::Cpu);
    let padded = nn::ConvConfig { padding: 1, ..Default::default() };
    let encoder = nn::conv2d(store.root() / "encoder", 3, 8, 3, padded);
    let decoder = nn::conv2d(store.root() / "decoder", 8, 3, 3, padded);
    let heads = PatchSampler::new(&(store.root() / "heads"), &[8], 16, HeadKeys::Dotted);
    let mut adam = nn::Adam::default().build(&store, 1e-2).expect("an optimiser");

    // First derivatives are enough here, so the faster of the two ways to compute them.
    let config = PatchLossConfig::default().with_formulation(Formulation::Paper).with_gradient(Gradient::ClosedForm);
    let curriculum = IterationCurriculum::default();
    let blue = Tensor::from_slice(&[0.1f32, 0.1, 0.8]);
    let mut history = vec![];
    for step in 0..STEPS {
        let real = images();
        let features = encoder.forward(&real).relu();
        let fake = decoder.forward(&features).sigmoid();
        let positions = PatchSampler::positions(&[SIDE * SIDE], 64, Device::Cpu);
        let z = heads.project(&[features], &positions)?;
        let w = heads.project(&[encoder.forward(&fake).relu()], &positions)?;
        let patches = semantic_relation_losses(&z, &w, BATCH, &config, curriculum.gamma(step, STEPS))?;
        let colour = (fake.mean_dim([2i64, 3].as_slice(), false, None::<Kind>) - &blue).square().mean(None::<Kind>);
        let total = colour * 10.0 + patches.src + patches.patch;
        adam.backward_step(&total);
        history.push(total.double_value(&[]));
    }
    Ok(history)
}

fn main() -> Result<(), LossError> {
    for (step, loss) in train()?.iter().enumerate().step_by(10) {
        println!("step {step:>3}: loss {loss:.4}");
    }
    Ok(())
}
