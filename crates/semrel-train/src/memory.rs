//! How the process keeps memory, and how much.

/// Peak memory of the process, in MiB; 0 if the system does not report it.
pub fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Lets oneDNN, which computes convolutions on a CPU, keep every kernel that it compiled.
///
/// It compiles one for each shape, and by default keeps the last 1,024. A super-net is trained and searched at other
/// shapes in each step, 1,700 in all at profile `small`: with the default, 20 kernels per step are recompiled for as
/// long as it trains, 6 % of its time. Results are the same to the bit. A capacity that is set already stays.
///
/// To be called first in `main`, before any other thread is there.
pub(crate) fn keep_kernels() {
    // Its present name, and the one before.
    const CAPACITY: [&str; 2] = ["ONEDNN_PRIMITIVE_CACHE_CAPACITY", "DNNL_PRIMITIVE_CACHE_CAPACITY"];
    if CAPACITY.iter().all(|name| std::env::var_os(name).is_none()) {
        // SAFETY: no other thread reads the environment yet, as the caller promises.
        unsafe { std::env::set_var(CAPACITY[0], "16384") };
    }
}

/// Tells the C allocator to keep what is freed instead of returning it to the system.
///
/// A training step frees and asks for the same large buffers over and over. By default each of them is mapped and
/// unmapped, and every page of it is cleared again by the kernel: 5 % of a step on narrow networks. Peak memory stays
/// the same. Does nothing where the allocator is not glibc's.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets parameters of the allocator, and may be called at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        // Never: any number up to the largest would be too low for a step of several GiB.
        libc::mallopt(libc::M_TRIM_THRESHOLD, -1);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
    }
}
