//! Torch's own generator, a function of (seed, step).

/// Seeds torch's generators (all devices) for one step, from `derive_seed(seed, "torch", step)`.
///
/// Called before every step, it makes the step's random tensors independent of how many were drawn before: no generator
/// state has to be saved to resume.
pub fn seed_step(seed: u64, step: u64) {
    tch::manual_seed(semrel_data::rng::derive_seed(seed, "torch", step));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn a_step_draws_alike_whatever_came_before() {
        // One test only: torch's generator is shared by all threads.
        let draw = || Vec::<f32>::try_from(Tensor::randn([5], (Kind::Float, Device::Cpu))).unwrap();
        seed_step(777, 12);
        let first = draw();
        let second = draw();
        assert_ne!(first, second);
        seed_step(777, 13);
        assert_ne!(draw(), first);
        seed_step(778, 12);
        assert_ne!(draw(), first);
        seed_step(777, 12);
        assert_eq!(draw(), first);
    }
}
