// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {VerifierSet} from "../src/VerifierSet.sol";

/// @title Gives the tests a way into the library. Never deployed by Stele.
contract VerifierSetProbe {
    /// @notice See `VerifierSet.insert`. Caller: anyone. Returns the code of the new store.
    function insert(address store, address account) external returns (bytes memory) {
        return VerifierSet.insert(store, account).code;
    }
}
