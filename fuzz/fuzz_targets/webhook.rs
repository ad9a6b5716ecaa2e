#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rowbill_fuzz::webhook::check(data));
