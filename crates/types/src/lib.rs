//! Ids, digests, units, canonical value encoding, record and leaf; no I/O, no async.
