//! Drives `stele_testkit::fuzz::source`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stele_testkit::fuzz::source(bytes));
