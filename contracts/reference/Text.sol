// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Texts and lists of findings for the reference policies
library Text {
    /// @notice Equality by hash; lengths are compared first, because most texts differ there.
    function same(string calldata a, string calldata b) internal pure returns (bool) {
        return bytes(a).length == bytes(b).length && keccak256(bytes(a)) == keccak256(bytes(b));
    }

    /// @notice Whether a list holds a text.
    function contains(string[] calldata list, string calldata text) internal pure returns (bool) {
        uint256 length = list.length;
        for (uint256 i = 0; i < length; ++i) {
            if (same(list[i], text)) return true;
        }
        return false;
    }

    /// @notice Whether a text begins with a prefix of at most 32 bytes, which is the beginning of `word`.
    function startsWith(string calldata text, bytes32 word, uint256 length) internal pure returns (bool) {
        if (bytes(text).length < length) return false;
        return bytes32(bytes(text)[:length]) == word;
    }

    /// @notice Adds a text to the first `count` of a list unless it is there; returns the new count. The list has room.
    function add(string[] memory list, uint256 count, string memory text) internal pure returns (uint256) {
        bytes32 hash = keccak256(bytes(text));
        for (uint256 i = 0; i < count; ++i) {
            if (keccak256(bytes(list[i])) == hash) return count;
        }
        list[count] = text;
        return count + 1;
    }

    /// @notice Shortens a list in place.
    function trim(string[] memory list, uint256 count) internal pure {
        assembly ("memory-safe") {
            mstore(list, count)
        }
    }
}
