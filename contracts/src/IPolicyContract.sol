// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What every compiled policy answers to
/// @notice `docs/formats/policy-contract.md` is normative. Values are in the canonical encoding; no bytes are undefined.
interface IPolicyContract {
    /// @notice two definitions that hold give different values: the evaluation has no result
    error Conflict();

    /// @notice The value of an entry point (SHA-256 of its path) as its JSON projection. Caller: anyone.
    function evaluate(bytes32 entryPoint, bytes calldata input, bytes calldata data, bytes calldata context)
        external
        view
        returns (bytes memory result);

    /// @notice The entry points that the contract has. Caller: anyone.
    function entryPoints() external view returns (bytes32[] memory);
}
