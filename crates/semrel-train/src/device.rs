//! Where torch computes: `--device` and `--threads`.

use tch::{Cuda, Device};

/// A device that is not available or a number of threads that is out of range.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Not the name of a device.
    #[error("unknown device `{name}`; available: {available}")]
    Unknown {
        /// The name.
        name: String,
        /// What there is, such as `cpu, cuda:0`.
        available: String,
    },
    /// A CUDA device that this machine or this libtorch lacks.
    #[error("device `{name}` is not available; available: {available}{hint}")]
    Unavailable {
        /// The name.
        name: String,
        /// What there is.
        available: String,
        /// What could be done.
        hint: &'static str,
    },
    /// Not a number of threads.
    #[error("{0} threads; expected 1 to 1024")]
    Threads(usize),
}

/// Parses `cpu`, `cuda` (the first GPU) or `cuda:N`.
///
/// # Errors
/// Says what is available.
pub fn parse_device(name: &str) -> Result<Device, DeviceError> {
    let gpus = if Cuda::is_available() { Cuda::device_count().max(0) as usize } else { 0 };
    parse(name, gpus)
}

fn parse(name: &str, gpus: usize) -> Result<Device, DeviceError> {
    let available = || {
        let names = ["cpu".to_owned()].into_iter().chain((0..gpus).map(|i| format!("cuda:{i}")));
        names.collect::<Vec<_>>().join(", ")
    };
    let index = match name.split_once(':') {
        None if name == "cpu" => return Ok(Device::Cpu),
        None if name == "cuda" => Some(0),
        Some(("cuda", index)) if index.bytes().all(|b| b.is_ascii_digit()) => index.parse::<usize>().ok(),
        _ => None,
    };
    match index {
        Some(index) if index < gpus => Ok(Device::Cuda(index)),
        Some(_) => Err(DeviceError::Unavailable {
            name: name.to_owned(),
            available: available(),
            hint: if gpus == 0 { " (a GPU needs its driver and a libtorch built for CUDA)" } else { "" },
        }),
        None => Err(DeviceError::Unknown { name: name.to_owned(), available: available() }),
    }
}

/// Sets the number of torch's threads, if one is given, and returns the number in force.
///
/// Results are equal byte for byte only between runs of equal thread counts.
///
/// # Errors
/// [`DeviceError::Threads`] for 0, or more than 1024.
pub fn set_threads(threads: Option<usize>) -> Result<usize, DeviceError> {
    match threads {
        Some(n) if !(1..=1024).contains(&n) => return Err(DeviceError::Threads(n)),
        Some(n) => tch::set_num_threads(n as i32),
        None => {}
    }
    Ok(tch::get_num_threads() as usize)
}

/// Has the kernels of a GPU's convolutions measured once per shape, as the published code does, and the fastest kept,
/// if shapes `repeat` from step to step: each new shape costs a measurement. Does nothing on a CPU.
pub fn tune_convolutions(device: Device, repeat: bool) {
    if device.is_cuda() {
        Cuda::cudnn_set_benchmark(repeat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indices() {
        assert_eq!(parse("cpu", 0).unwrap(), Device::Cpu);
        assert_eq!(parse("cuda", 2).unwrap(), Device::Cuda(0));
        assert_eq!(parse("cuda:1", 2).unwrap(), Device::Cuda(1));
        assert_eq!(parse_device("cpu").unwrap(), Device::Cpu);
    }

    #[test]
    fn errors_say_what_is_available() {
        for name in ["gpu", "cuda:", "cuda:x", "cuda:+1", "cpu:0", "", "CUDA"] {
            let text = parse(name, 1).unwrap_err().to_string();
            assert_eq!(text, format!("unknown device `{name}`; available: cpu, cuda:0"));
        }
        let text = parse("cuda:2", 2).unwrap_err().to_string();
        assert_eq!(text, "device `cuda:2` is not available; available: cpu, cuda:0, cuda:1");
        assert!(parse("cuda", 0).unwrap_err().to_string().contains("available: cpu (a GPU needs"));
    }

    #[test]
    fn threads() {
        let before = set_threads(None).unwrap();
        assert_eq!(set_threads(Some(1)).unwrap(), 1);
        assert!(set_threads(Some(0)).unwrap_err().to_string().contains("expected 1 to 1024"));
        assert!(set_threads(Some(100_000)).unwrap_err().to_string().contains("expected 1 to 1024"));
        set_threads(Some(before)).unwrap();
    }
}
