//! The header network F: patch positions, a two-layer MLP per tap, L2-normalised rows.

use crate::LossError;
use crate::check::{self, alike};
use crate::similarity::unit;
use tch::nn::{self, Module};
use tch::{Device, Kind, Tensor};

/// How the state-dict keys of head `l` start; `0` and `2` are its linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadKeys {
    /// `mlp.{l}.0.weight`, as the multi-modal code publishes them.
    Dotted,
    /// `mlp_{l}.0.weight`, as CUT and the single-modal code publish them.
    Underscored,
}

/// Linear(C → nc), ReLU, Linear(nc → nc).
#[derive(Debug)]
struct Head {
    hidden: nn::Linear,
    out: nn::Linear,
}

impl Head {
    fn new(path: &nn::Path, channels: i64, nc: i64) -> Self {
        let linear = |index: &str, inputs| nn::linear(path / index, inputs, nc, Default::default());
        Self { hidden: linear("0", channels), out: linear("2", nc) }
    }

    fn channels(&self) -> i64 {
        self.hidden.ws.size()[1]
    }

    fn forward(&self, rows: &Tensor) -> Tensor {
        self.out.forward(&self.hidden.forward(rows).relu())
    }
}

/// Takes features at patch positions and embeds them.
#[derive(Debug)]
pub struct PatchSampler {
    heads: Option<Vec<Head>>,
}

impl PatchSampler {
    /// Heads `channels[l]` → `nc` → `nc` under `path`, with torch's default initial values (the published codes
    /// initialise them like their other networks).
    ///
    /// The single-modal code creates its heads at the first call from the channels it sees; here `channels` says them.
    pub fn new(path: &nn::Path, channels: &[i64], nc: i64, keys: HeadKeys) -> Self {
        let head = |(l, &c): (usize, &i64)| match keys {
            HeadKeys::Dotted => Head::new(&(path / "mlp" / l), c, nc),
            HeadKeys::Underscored => Head::new(&(path / format!("mlp_{l}")), c, nc),
        };
        Self { heads: Some(channels.iter().enumerate().map(head).collect()) }
    }

    /// Without heads: features at the positions, normalised (CUT's `netF = sample`).
    pub fn without_mlp() -> Self {
        Self { heads: None }
    }

    /// Positions for each tap: the first `min(num_patches, n)` of a random permutation of its `n` = H·W positions (row-major),
    /// drawn afresh for each tap from torch's generator, for all images of the batch. `num_patches` = 0 gives all
    /// positions in order. Returns one Int64 vector per tap.
    pub fn positions(areas: &[i64], num_patches: i64, device: Device) -> Vec<Tensor> {
        let options = (Kind::Int64, device);
        let draw = |&n: &i64| match num_patches {
            ..=0 => Tensor::arange(n, options),
            k => Tensor::randperm(n, options).narrow(0, 0, k.min(n)),
        };
        areas.iter().map(draw).collect()
    }

    /// Embedded patches: for each tap `[B, C, H, W]` and its positions `[K]`, `[B·K, nc]` (`[B·K, C]` without heads), row
    /// `b·K + k`, each row `x/(‖x‖ + 1e-7)`.
    ///
    /// # Derivatives
    /// Of every order, with respect to features and heads; at rows of zeros, where the norm has a kink, the first one is
    /// finite.
    ///
    /// # Errors
    /// [`LossError::Taps`] where the lists differ in length, [`LossError::FeatureMap`] for a map of another shape;
    /// [`LossError::ElementType`], [`LossError::ElementTypes`], [`LossError::Devices`] and [`LossError::Empty`] for maps
    /// that do not fit each other or the heads; [`LossError::Positions`], [`LossError::Shape`] and, on the CPU,
    /// [`LossError::Position`] for positions that are not indices of the map.
    pub fn project(&self, features: &[Tensor], positions: &[Tensor]) -> Result<Vec<Tensor>, LossError> {
        self.check(features)?;
        if positions.len() != features.len() {
            return Err(LossError::Taps { what: "positions", found: positions.len(), expected: features.len() });
        }
        for (map, ids) in features.iter().zip(positions) {
            let size = map.size();
            check::positions(ids, size[2] * size[3], map.device())?;
        }
        let project = |(l, (map, ids)): (usize, (&Tensor, &Tensor))| {
            // Selecting before reordering touches K positions only, not the whole map.
            let picked = map.flatten(2, 3).index_select(2, ids);
            let rows = picked.transpose(1, 2).reshape([-1, map.size()[1]]);
            unit(&self.embed(l, rows))
        };
        Ok(features.iter().zip(positions).enumerate().map(project).collect())
    }

    /// All positions as maps `[B, nc, H, W]`, what CUT returns for `num_patches` = 0: each channel of an image is
    /// normalised **over its positions**, not each position over its channels.
    ///
    /// For embeddings of all positions, call [`PatchSampler::project`] with [`PatchSampler::positions`] of 0 patches.
    ///
    /// # Derivatives
    /// As [`PatchSampler::project`].
    ///
    /// # Errors
    /// As [`PatchSampler::project`].
    pub fn project_maps(&self, features: &[Tensor]) -> Result<Vec<Tensor>, LossError> {
        self.check(features)?;
        let project = |(l, map): (usize, &Tensor)| {
            let size = map.size();
            let embedded = self.embed(l, map.flatten(2, 3).transpose(1, 2));
            unit(&embedded.transpose(1, 2)).reshape([size[0], -1, size[2], size[3]])
        };
        Ok(features.iter().enumerate().map(project).collect())
    }

    /// The mean over all positions of the embeddings of each image, `[B, nc]` for each tap: rows as [`PatchSampler::project`] makes
    /// them, which are not normalised again.
    ///
    /// # Derivatives
    /// As [`PatchSampler::project`].
    ///
    /// # Errors
    /// As [`PatchSampler::project`].
    pub fn mean_embeddings(&self, features: &[Tensor]) -> Result<Vec<Tensor>, LossError> {
        self.check(features)?;
        let mean = |(l, map): (usize, &Tensor)| {
            let size = map.size();
            let rows = map.flatten(2, 3).transpose(1, 2).reshape([-1, size[1]]);
            unit(&self.embed(l, rows)).view([size[0], size[2] * size[3], -1]).mean_dim(
                [1i64].as_slice(),
                false,
                None::<Kind>,
            )
        };
        Ok(features.iter().enumerate().map(mean).collect())
    }

    fn embed(&self, tap: usize, rows: Tensor) -> Tensor {
        match &self.heads {
            Some(heads) => heads[tap].forward(&rows),
            None => rows,
        }
    }

    fn check(&self, features: &[Tensor]) -> Result<(), LossError> {
        let heads = self.heads.as_deref();
        if let Some(heads) = heads.filter(|h| h.len() != features.len()) {
            return Err(LossError::Taps { what: "projection heads", found: heads.len(), expected: features.len() });
        }
        let weights = heads.into_iter().flatten().map(|head| ("weights of the heads", &head.hidden.ws));
        alike(weights.chain(features.iter().map(|map| ("feature maps", map))))?;
        for (tap, map) in features.iter().enumerate() {
            let found = map.size();
            let channels = heads.map(|h| h[tap].channels());
            if found.len() != 4 || channels.is_some_and(|c| c != found[1]) {
                let expected = match channels {
                    Some(c) => format!("[batch, {c}, height, width]"),
                    None => "[batch, channels, height, width]".to_owned(),
                };
                return Err(LossError::FeatureMap { tap, found, expected });
            }
        }
        Ok(())
    }
}

/// CUT's `reshape` variant: every map average-pooled to 4 × 4, its 16 positions as normalised rows, `[B·16, C]`.
///
/// # Derivatives
/// As [`PatchSampler::project`].
///
/// # Errors
/// [`LossError::FeatureMap`] where a map has not four dimensions; [`LossError::ElementType`],
/// [`LossError::ElementTypes`], [`LossError::Devices`], [`LossError::Empty`].
pub fn pooled_rows(features: &[Tensor]) -> Result<Vec<Tensor>, LossError> {
    PatchSampler::without_mlp().check(features)?;
    let pool = |map: &Tensor| {
        let rows = map.adaptive_avg_pool2d([4, 4]).permute([0, 2, 3, 1]).reshape([-1, map.size()[1]]);
        unit(&rows)
    };
    Ok(features.iter().map(pool).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CPU: (Kind, Device) = (Kind::Double, Device::Cpu);

    fn keys(scheme: HeadKeys) -> Vec<String> {
        let store = nn::VarStore::new(Device::Cpu);
        PatchSampler::new(&store.root(), &[3, 5], 4, scheme);
        let mut keys: Vec<String> = store.variables().into_keys().collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn keys_are_as_published() {
        let of = |a: &str, b: &str| {
            let head = |h: &str| ["0.bias", "0.weight", "2.bias", "2.weight"].map(|k| format!("{h}.{k}"));
            [head(a), head(b)].concat()
        };
        assert_eq!(keys(HeadKeys::Dotted), of("mlp.0", "mlp.1"));
        assert_eq!(keys(HeadKeys::Underscored), of("mlp_0", "mlp_1"));
    }

    #[test]
    fn row_is_image_major_and_position_row_major() {
        let map = Tensor::arange(2 * 2 * 3 * 4, CPU).view([2, 2, 3, 4]) + 1.0;
        let ids = Tensor::from_slice(&[5i64, 2]);
        let rows = PatchSampler::without_mlp().project(&[map.copy()], &[ids]).unwrap().remove(0);
        let want = unit(&map.select(0, 1).select(1, 1).select(1, 1)); // image 1, position 5 = (1, 1)
        assert!((rows.get(2) - want).abs().max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn maps_are_normalised_over_positions() {
        let map = Tensor::randn([2, 3, 4, 5], CPU);
        let out = PatchSampler::without_mlp().project_maps(&[map.copy()]).unwrap().remove(0);
        let norm = out.flatten(2, 3).norm_scalaropt_dim(2, [-1], false);
        assert!((norm - 1.0).abs().max().double_value(&[]) < 1e-6);
        assert_eq!(out.size(), map.size());
    }

    #[test]
    fn pooling_gives_sixteen_rows_an_image() {
        let map = Tensor::randn([2, 3, 8, 12], CPU);
        let rows = pooled_rows(&[map.copy()]).unwrap().remove(0);
        assert_eq!(rows.size(), [32, 3]);
        let corner = map.get(1).narrow(1, 0, 2).narrow(2, 0, 3).mean_dim([1i64, 2].as_slice(), false, None::<Kind>);
        assert!((rows.get(16) - unit(&corner)).abs().max().double_value(&[]) < 1e-12);
    }

    #[test]
    fn wrong_maps_are_named() {
        let store = nn::VarStore::new(Device::Cpu);
        let sampler = PatchSampler::new(&store.root(), &[3], 4, HeadKeys::Dotted);
        let map = Tensor::zeros([1, 2, 4, 4], (Kind::Float, Device::Cpu));
        let ids = PatchSampler::positions(&[16], 4, Device::Cpu);
        let error = sampler.project(&[map.copy()], &ids).unwrap_err();
        assert!(matches!(error, LossError::FeatureMap { tap: 0, .. }), "{error}");
        assert!(matches!(sampler.project(&[], &[]), Err(LossError::Taps { .. })));
        let plain = PatchSampler::without_mlp();
        assert!(matches!(plain.project(&[map.copy()], &[]), Err(LossError::Taps { what: "positions", .. })));
        assert!(matches!(plain.project(&[map.get(0)], &ids), Err(LossError::FeatureMap { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn positions_are_distinct_and_inside(n in 1i64..80, k in 0i64..100) {
            let ids = PatchSampler::positions(&[n, 2 * n], k, Device::Cpu);
            for (ids, n) in ids.iter().zip([n, 2 * n]) {
                let mut values: Vec<i64> = Vec::try_from(ids).unwrap();
                values.sort_unstable();
                values.dedup();
                prop_assert_eq!(values.len() as i64, if k == 0 { n } else { k.min(n) });
                prop_assert!(values.iter().all(|v| (0..n).contains(v)));
            }
        }
    }
}
