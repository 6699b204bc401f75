#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    semrel_fuzz::safetensors(bytes);
});
