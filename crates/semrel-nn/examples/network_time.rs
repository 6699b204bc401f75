//! Seconds of the single-modal networks, forwards and forwards with backwards, at their published sizes (median of 5).
//!
//! `cargo run -p semrel-nn --example network_time`, best with the allocator set as training sets it:
//! `GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=4294967296`.

use semrel_nn::patchgan::{PatchDiscriminator, PatchGanConfig};
use semrel_nn::resnet::{ResnetConfig, ResnetGenerator};
use semrel_nn::{InitType, Net, TappedGenerator, flat_gradients, stylegan2};
use std::time::Instant;
use tch::{Device, Kind, Tensor};

fn median(mut pass: impl FnMut() -> Tensor) -> f64 {
    let mut seconds: Vec<f64> = (0..6)
        .map(|_| {
            let start = Instant::now();
            drop(pass());
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[2]
}

fn report<T>(name: &str, net: &Net<T>, shape: [i64; 4], forward: impl Fn(&T, &Tensor) -> Tensor) {
    let x = Tensor::randn(shape, (Kind::Float, Device::Cpu));
    let without = median(|| tch::no_grad(|| forward(net, &x)));
    let with = median(|| {
        let loss = forward(net, &x).square().mean(Kind::Float);
        flat_gradients(&loss, &[net.parameters().collect()]).remove(0)
    });
    println!("{name:<36} forwards {without:.3} s, with backwards {with:.3} s");
}

fn main() {
    let generator = Net::new(Device::Cpu, |p| ResnetGenerator::new(p, &ResnetConfig::cut()));
    InitType::CUT.apply(&generator.state());
    report("resnet_9blocks, 1 × 256 × 256", &generator, [1, 3, 256, 256], |n, x| n.forward(x));
    let discriminator = Net::new(Device::Cpu, |p| PatchDiscriminator::new(p, &PatchGanConfig::cut()));
    InitType::CUT.apply(&discriminator.state());
    report("basic discriminator, 1 × 256 × 256", &discriminator, [1, 3, 256, 256], |n, x| n.forward(x));
    let generator = Net::new(Device::Cpu, |p| stylegan2::Generator::new(p, &stylegan2::GeneratorConfig::sincut()));
    report("SinCUT generator, 16 × 64 × 64", &generator, [16, 3, 64, 64], |n, x| n.forward(x));
    let config = stylegan2::DiscriminatorConfig::sincut();
    let discriminator = Net::new(Device::Cpu, |p| stylegan2::Discriminator::new(p, &config));
    report("SinCUT discriminator, 16 × 64 × 64", &discriminator, [16, 3, 64, 64], |n, x| n.forward(x));
}
