// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a log commits to for one decision, version 1
/// @notice Nine words of 32 bytes, as `abi.encode` writes the struct. `docs/formats/leaf.md` is normative.
library DecisionLeaf {
    /// @notice A decoded leaf. `time` is in nanoseconds since 1970.
    struct Leaf {
        uint128 decisionId;
        uint64 time;
        address node;
        bytes32 version;
        bytes32 entryPoint;
        bytes32 inputCommitment;
        bytes32 dataDigest;
        bytes32 resultDigest;
        bytes32 detailCommitment;
    }

    /// @notice Length of an encoded leaf.
    uint256 internal constant LENGTH = 288;
    /// @notice Result digest of an evaluation that failed.
    bytes32 internal constant NO_ANSWER = 0;

    /// @notice the bytes are not a leaf: another length, or padding that is not zero
    error NotALeaf();

    /// @notice Reads a leaf; refuses what nobody would write.
    function decode(bytes calldata encoded) internal pure returns (Leaf memory) {
        if (encoded.length != LENGTH) revert NotALeaf();
        bool padded = uint256(bytes32(encoded[0:32])) <= type(uint128).max
            && uint256(bytes32(encoded[32:64])) <= type(uint64).max
            && uint256(bytes32(encoded[64:96])) <= type(uint160).max;
        if (!padded) revert NotALeaf();
        return abi.decode(encoded, (Leaf));
    }
}
