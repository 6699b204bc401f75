//! One pass of DRIT's encoders and decoders, and what it draws.

use super::first;
use crate::algorithm::Batch;
use anyhow::Result;
use semrel_nn::TappedGenerator;
use semrel_nn::drit::{Attribute, Domain, Translator};
use tch::Tensor;

/// What a full step draws, all of it standard normal.
#[derive(Debug)]
pub struct DritDraws {
    /// Added to contents `[1, C, h, w]`: of the encoded images of A and B, of `fake_A` and of `fake_B`.
    pub noise: [Tensor; 4],
    /// Where attributes have a variance, `[1, n]`: of the encoded images of A and B, of `fake_A` and of `fake_B`.
    pub eps: Option<[Tensor; 4]>,
    /// Random attributes `[1, n]`, which both domains share: one, or two with mode seeking.
    pub z: Vec<Tensor>,
}

impl DritDraws {
    /// Drawn from torch's generator; with `two` attributes for mode seeking.
    ///
    /// # Errors
    /// Where the images are too small for the encoders.
    pub fn new(translator: &Translator, batch: &Batch, two: bool) -> Result<Self> {
        let [a, b] = Self::content_noise(translator, batch)?;
        let noise = [a.randn_like(), b.randn_like(), a, b];
        let numbers = translator.style_numbers().expect("it has styles");
        let z = || Tensor::randn([1, numbers], (batch.a.kind(), batch.a.device()));
        let eps = translator.draws_attributes().then(|| [z(), z(), z(), z()]);
        Ok(Self { noise, eps, z: (0..1 + i64::from(two)).map(|_| z()).collect() })
    }

    /// Noise of the contents of both encoded images.
    ///
    /// # Errors
    /// Where the images are too small for the encoders.
    pub fn content_noise(translator: &Translator, batch: &Batch) -> Result<[Tensor; 2]> {
        let noise = |x: &Tensor| -> Result<Tensor> {
            let size = x.size();
            let (c, h, w) = translator.tap_shapes(size[2], size[3], &[-1])?[0];
            Ok(Tensor::randn([1, c, h, w], (x.kind(), x.device())))
        };
        Ok([noise(&batch.a)?, noise(&batch.b)?])
    }
}

/// What a pass makes of the encoded images; of domains A and B each.
#[derive(Debug)]
pub struct Forwarded {
    /// Contents, with noise.
    pub contents: [Tensor; 2],
    /// Attributes.
    pub attributes: [Attribute; 2],
    /// In each domain the other domain's content with the attribute of the image.
    pub fake: [Tensor; 2],
    /// Images made again of their own content and attribute.
    pub own: [Tensor; 2],
    /// In each domain the other domain's content with each random attribute.
    pub random: [Vec<Tensor>; 2],
    /// Images made again of what their translations are encoded to.
    pub cycles: [Tensor; 2],
    /// Attributes (means) of the translations with the first random attribute.
    pub found: [Tensor; 2],
}

impl Forwarded {
    /// Encodes, translates, and encodes again. Images that pass the same layers do so as one batch.
    /// `plainly` has the translations pass the attribute encoder one after the other.
    pub fn new(translator: &Translator, batch: &Batch, draws: &DritDraws, plainly: bool) -> Self {
        let Translator { content, attribute, decoders, .. } = translator;
        let domains = [Domain::A, Domain::B];
        let images = [first(&batch.a), first(&batch.b)];
        let eps = |i: usize| draws.eps.as_ref().expect("attributes with a variance have draws")[i].shallow_clone();
        let contents = [0, 1].map(|d| content.forward(domains[d], &images[d]) + &draws.noise[d]);
        let attributes = [0, 1].map(|d| attribute.forward(domains[d], &images[d]));
        let z = [0, 1].map(|d| attributes[d].sample(|_| eps(d)));

        let decoded = [0, 1].map(|d| {
            let (own, other) = (&contents[d], &contents[1 - d]);
            let contents = [vec![other, own], vec![other; draws.z.len()]].concat();
            let attributes: Vec<&Tensor> = [&z[d], &z[d]].into_iter().chain(&draws.z).collect();
            let made = decoders.forward(domains[d], &Tensor::cat(&contents, 0), &Tensor::cat(&attributes, 0));
            made.chunk(made.size()[0], 0)
        });
        let fake = [0, 1].map(|d| decoded[d][0].shallow_clone());
        let own = [0, 1].map(|d| decoded[d][1].shallow_clone());
        let random = [0, 1].map(|d| decoded[d][2..].iter().map(Tensor::shallow_clone).collect::<Vec<_>>());

        // A translation into A has B's content.
        let contents_again = [0, 1].map(|d| content.forward(domains[d], &fake[d]) + &draws.noise[2 + d]);
        let attributes_again = [0, 1].map(|d| {
            if plainly {
                return [&fake[d], &random[d][0]].map(|image| attribute.forward(domains[d], image));
            }
            let both = attribute.forward(domains[d], &Tensor::cat(&[&fake[d], &random[d][0]], 0));
            [both.narrow(0, 1), both.narrow(1, 1)]
        });
        let z_again = [0, 1].map(|d| attributes_again[d][0].sample(|_| eps(2 + d)));
        let cycles = [0, 1].map(|d| decoders.forward(domains[d], &contents_again[1 - d], &z_again[d]));
        let found = attributes_again.map(|[_, random]| random.mean);
        Self { contents, attributes, fake, own, random, cycles, found }
    }
}
