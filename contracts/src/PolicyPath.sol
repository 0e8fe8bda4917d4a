// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The form of a policy's path
/// @notice Two paths must not be able to pass for each other, and followers must be able to rely on the form: segments
/// of ASCII letters, digits, `_`, `-`, `.` and `:`, none empty, none `.` or `..`, joined by single slashes; at most 512
/// bytes. It is the form that `PolicyId` of the crate `stele-types` accepts.
library PolicyPath {
    /// @notice Longest path, in bytes.
    uint256 internal constant MAX_LENGTH = 512;

    /// @notice Whether `path` has the form.
    function isValid(string calldata path) internal pure returns (bool) {
        bytes calldata text = bytes(path);
        if (text.length > MAX_LENGTH) return false;
        uint256 segment = 0;
        bool onlyDots = true;
        for (uint256 i = 0; i <= text.length; ++i) {
            if (i == text.length || text[i] == "/") {
                if (segment == 0 || (onlyDots && segment <= 2)) return false;
                segment = 0;
                onlyDots = true;
                continue;
            }
            if (!_isAllowed(text[i])) return false;
            if (text[i] != ".") onlyDots = false;
            ++segment;
        }
        return true;
    }

    function _isAllowed(bytes1 c) private pure returns (bool) {
        bool letter = (c >= "a" && c <= "z") || (c >= "A" && c <= "Z");
        bool digit = c >= "0" && c <= "9";
        return letter || digit || c == "_" || c == "-" || c == "." || c == ":";
    }
}
