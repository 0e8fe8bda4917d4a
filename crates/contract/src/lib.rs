//! IR to EVM bytecode with source maps; pure: runs no EVM and does no I/O.
