//! The worked example "Add a method" of docs/contributing.md.

use anyhow::Result;
use cut_single::algorithm::{Algorithm, Batch, Domain, StepInfo};
use cut_single::config::Config;
use cut_single::networks::{Discriminator, Generator};
use cut_single::one_sided::OneSided;
use semrel_nn::Net;
use semrel_nn::image_pool::ImagePool;
use semrel_train::passes::{l1, reproduce};
use semrel_train::{Losses, Part};
use tch::{Device, Kind, Tensor};

/// Adversarial, and seen from afar the translation looks like its source: `L_GAN + λ |A(G(x)) − A(x)|`, where A averages
/// over squares of 8 × 8 pixels.
pub struct FromAfar {
    networks: OneSided,
    weight: f64,
}

impl Algorithm for FromAfar {
    fn step(&mut self, batch: &Batch, info: StepInfo) -> Result<Losses> {
        let OneSided { generator, adversary } = &mut self.networks;
        let mut losses = Losses::new();
        let fake = generator.forward(&batch.a);
        adversary.train(&fake, &batch.b, info.step, &mut losses);

        let adversarial = adversary.generator_loss(&fake);
        let from_afar = |images: &Tensor| images.avg_pool2d([8, 8], [8, 8], [0, 0], false, true, None);
        let layout = l1(&from_afar(&fake), &from_afar(&batch.a)) * self.weight;
        let total = &adversarial + &layout;
        generator.backward_step(&total);
        losses.push("G_GAN", &adversarial);
        losses.push("layout", &layout);
        losses.push("G", &total);
        Ok(losses)
    }

    fn warmup_step(&mut self, batch: &Batch) -> Losses {
        reproduce(&mut self.networks.generator, &batch.a)
    }

    fn generator(&self) -> &Net<Generator> {
        &self.networks.generator
    }

    fn critics(&self) -> Vec<(&Discriminator, Domain)> {
        self.networks.critics()
    }

    fn parts(&mut self) -> Vec<Part<'_>> {
        self.networks.parts()
    }

    fn pools(&mut self) -> Vec<(&'static str, &mut ImagePool)> {
        self.networks.pools()
    }
}

const CONFIG: &str = "
name: tiny
method: ours
data: { root: nowhere, load_size: 32, image_size: 32 }
model: { ngf: 4, ndf: 4, blocks: 1 }
optim: { pool_size: 2, lr: 0.002 }
";

#[test]
fn it_learns_to_keep_the_layout() {
    let config: Config = serde_yaml::from_str(CONFIG).unwrap();
    tch::manual_seed(1);
    let networks = OneSided::new(&config, Device::Cpu).unwrap();
    let mut method = FromAfar { networks, weight: 100.0 };
    // Squares of plain colours.
    let images = || {
        (Tensor::rand([2, 3, 4, 4], (Kind::Float, Device::Cpu)) * 2.0 - 1.0).upsample_nearest2d([32, 32], None, None)
    };
    let batch = Batch { a: images(), b: images() };

    let mut layout = |step| {
        let losses = method.step(&batch, StepInfo { epoch: 1, step, ..StepInfo::default() }).unwrap();
        losses.get("layout").unwrap().double_value(&[])
    };
    let first = layout(0);
    let last = (1..30).map(&mut layout).last().unwrap();
    assert!(last < 0.8 * first, "{first} to {last}");
    let names: Vec<_> = method.parts().iter().map(|part| part.name).collect();
    assert_eq!(names, ["G", "D"]);
}
