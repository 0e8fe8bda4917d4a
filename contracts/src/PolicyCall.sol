// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IPolicyContract} from "./IPolicyContract.sol";

/// @title Calling a policy contract without trusting it
/// @notice The call is a STATICCALL, so the callee can change nothing and can't re-enter to any effect. What it answers is
/// a result only when it is one ABI-encoded byte string that lies wholly in the data that came back.
library PolicyCall {
    /// @notice `Answer`: a result. `Conflict`: the policy contradicts itself, on every machine. `Failed`: everything else,
    /// among it a call that ran out of gas, of which nothing follows about the policy.
    enum Outcome {
        Answer,
        Conflict,
        Failed
    }

    /// @notice Evaluates an entry point. The bytes are the result, or what the call reverted with.
    function evaluate(
        address policy,
        bytes32 entryPoint,
        bytes memory input,
        bytes memory data,
        bytes memory context
    ) internal view returns (Outcome outcome, bytes memory output) {
        bool ok;
        (ok, output) =
            policy.staticcall(abi.encodeCall(IPolicyContract.evaluate, (entryPoint, input, data, context)));
        if (!ok) {
            bool conflict = output.length == 4 && bytes4(output) == IPolicyContract.Conflict.selector;
            return (conflict ? Outcome.Conflict : Outcome.Failed, output);
        }
        if (output.length < 64) return (Outcome.Failed, output);
        uint256 offset;
        uint256 length;
        assembly ("memory-safe") {
            offset := mload(add(output, 32))
            length := mload(add(output, 64))
        }
        if (offset != 32 || length > output.length - 64) return (Outcome.Failed, output);
        // The byte string that came back starts, with its length, behind the offset: no copy is needed.
        assembly ("memory-safe") {
            output := add(output, 64)
        }
        return (Outcome.Answer, output);
    }
}
