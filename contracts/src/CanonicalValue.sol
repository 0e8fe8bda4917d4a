// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Stele's canonical value encoding, version 1
/// @notice Builds the bytes that policy contracts take as input, and reads their results. One tag byte and a payload;
/// containers carry a table of offsets that count from their own tag. `docs/formats/value-encoding.md` is normative.
/// @dev Builders write what a decoder accepts, provided that what they are given is canonical: `object` checks the order
/// of its keys, and `text` leaves it to the policy contract to refuse what is not UTF-8. Readers check every bound.
library CanonicalValue {
    bytes1 internal constant FALSE = 0x01;
    bytes1 internal constant TRUE = 0x02;
    bytes1 internal constant STRING = 0x05;
    bytes1 internal constant ARRAY = 0x06;
    bytes1 internal constant OBJECT = 0x07;

    /// @dev Numbers are fixed point with 18 fractional digits.
    int256 private constant ONE = 1e18;

    /// @notice an object has as many keys as values, and its keys ascend by their bytes, each once
    error KeysNotAscending();
    /// @notice the bytes are not a value of the type that is needed
    error NotCanonical();

    // ---- builders ----

    /// @notice A boolean.
    function boolean(bool value) internal pure returns (bytes memory) {
        return abi.encodePacked(value ? TRUE : FALSE);
    }

    /// @notice A whole number; reverts when it leaves the range of the encoding, about 5.7 x 10^58.
    function number(int256 value) internal pure returns (bytes memory) {
        return abi.encodePacked(bytes1(0x03), value * ONE);
    }

    /// @notice A string.
    function text(string memory value) internal pure returns (bytes memory) {
        return abi.encodePacked(STRING, uint32(bytes(value).length), value);
    }

    /// @notice An array of encoded values.
    function array(bytes[] memory values) internal pure returns (bytes memory) {
        uint256 offset = 9 + 4 * values.length;
        bytes memory table;
        bytes memory body;
        for (uint256 i = 0; i < values.length; ++i) {
            table = abi.encodePacked(table, uint32(offset));
            body = abi.encodePacked(body, values[i]);
            offset += values[i].length;
        }
        return abi.encodePacked(ARRAY, uint32(offset - 5), uint32(values.length), table, body);
    }

    /// @notice An object of encoded values. Keys must ascend by their bytes.
    function object(string[] memory keys, bytes[] memory values) internal pure returns (bytes memory) {
        if (keys.length != values.length) revert KeysNotAscending();
        uint256 offset = 9 + 8 * values.length;
        bytes memory table;
        bytes memory body;
        for (uint256 i = 0; i < values.length; ++i) {
            if (i > 0 && !_less(bytes(keys[i - 1]), bytes(keys[i]))) revert KeysNotAscending();
            bytes memory key = text(keys[i]);
            table = abi.encodePacked(table, uint32(offset), uint32(offset + key.length));
            body = abi.encodePacked(body, key, values[i]);
            offset += key.length + values[i].length;
        }
        return abi.encodePacked(OBJECT, uint32(offset - 5), uint32(values.length), table, body);
    }

    /// @notice What contextual builtins read: `{"time_ns": timeNs}`, in nanoseconds since 1970.
    function context(uint256 timeNs) internal pure returns (bytes memory) {
        string[] memory keys = new string[](1);
        bytes[] memory values = new bytes[](1);
        keys[0] = "time_ns";
        values[0] = number(int256(timeNs));
        return object(keys, values);
    }

    // ---- readers ----

    /// @notice Whether the value has the tag; false for undefined (no bytes).
    function hasTag(bytes memory value, bytes1 tag) internal pure returns (bool) {
        return value.length > 0 && value[0] == tag;
    }

    /// @notice The value of a key of an object; empty when it has no such key.
    function member(bytes memory value, string memory key) internal pure returns (bytes memory) {
        if (!hasTag(value, OBJECT)) revert NotCanonical();
        uint256 count = _uint32(value, 5);
        bytes32 wanted = keccak256(text(key));
        for (uint256 i = 0; i < count; ++i) {
            uint256 start = _uint32(value, 9 + 8 * i);
            uint256 middle = _uint32(value, 13 + 8 * i);
            uint256 end = i + 1 < count ? _uint32(value, 17 + 8 * i) : value.length;
            if (keccak256(_slice(value, start, middle)) == wanted) return _slice(value, middle, end);
        }
        return "";
    }

    /// @notice The elements of an array.
    function elements(bytes memory value) internal pure returns (bytes[] memory list) {
        if (!hasTag(value, ARRAY)) revert NotCanonical();
        uint256 count = _uint32(value, 5);
        // Each element needs at least its offset: a count that lies can't make the list large.
        if (count > value.length / 4) revert NotCanonical();
        list = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 end = i + 1 < count ? _uint32(value, 13 + 4 * i) : value.length;
            list[i] = _slice(value, _uint32(value, 9 + 4 * i), end);
        }
    }

    // ---- internals ----

    function _less(bytes memory a, bytes memory b) private pure returns (bool) {
        uint256 shorter = a.length < b.length ? a.length : b.length;
        for (uint256 i = 0; i < shorter; ++i) {
            if (a[i] != b[i]) return a[i] < b[i];
        }
        return a.length < b.length;
    }

    function _uint32(bytes memory value, uint256 position) private pure returns (uint256 word) {
        if (position + 4 > value.length) revert NotCanonical();
        assembly ("memory-safe") {
            word := shr(224, mload(add(add(value, 32), position)))
        }
    }

    function _slice(bytes memory value, uint256 start, uint256 end) private pure returns (bytes memory part) {
        if (start > end || end > value.length) revert NotCanonical();
        part = new bytes(end - start);
        assembly ("memory-safe") {
            mcopy(add(part, 32), add(add(value, 32), start), sub(end, start))
        }
    }
}
