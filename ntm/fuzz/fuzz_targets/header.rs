#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ntm_fuzz::header(bytes));
