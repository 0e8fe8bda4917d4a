//! Drives `stele_testkit::fuzz::input`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stele_testkit::fuzz::input(bytes));
