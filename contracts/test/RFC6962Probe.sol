// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RFC6962} from "../src/RFC6962.sol";

/// @title Gives the tests a way into the library. Never deployed by Stele.
contract RFC6962Probe {
    /// @notice See `RFC6962.leafHash`. Caller: anyone.
    function leafHash(bytes calldata data) external pure returns (bytes32) {
        return RFC6962.leafHash(data);
    }

    /// @notice See `RFC6962.nodeHash`. Caller: anyone.
    function nodeHash(bytes32 left, bytes32 right) external view returns (bytes32) {
        return RFC6962.nodeHash(left, right);
    }

    /// @notice See `RFC6962.verifyInclusion`. Caller: anyone.
    function verifyInclusion(bytes32 root, uint64 size, uint64 index, bytes32 leaf, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        return RFC6962.verifyInclusion(root, size, index, leaf, proof);
    }

    /// @notice See `RFC6962.verifyConsistency`. Caller: anyone.
    function verifyConsistency(
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) external view returns (bool) {
        return RFC6962.verifyConsistency(oldSize, oldRoot, newSize, newRoot, proof);
    }
}
