// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Challenge} from "../src/Challenge.sol";
import {DecisionLedger} from "../src/DecisionLedger.sol";
import {IPolicyContract} from "../src/IPolicyContract.sol";

/// @title A policy contract that does what its input's first byte says. For tests of Challenge and Enforcer.
contract StubPolicy {
    /// @notice an error that is no conflict
    error Unsupported(bytes32 builtin);

    /// @notice `e`: the rest of the input is the result. `l`: the same, after a
    /// loop of some million gas. `d`: the data. `x`: the context. `c`: conflict. `f`: another error.
    /// `g`: uses all gas. `p`: what no ABI encodes. `w`: writes its storage. `r`: calls the challenge in `data` again.
    /// `u`: undefined. Not a view, so that it can try to write. Caller: anyone.
    function evaluate(bytes32, bytes calldata input, bytes calldata data, bytes calldata context)
        external
        returns (bytes memory)
    {
        bytes1 mode = input[0];
        if (mode == "e") return input[1:];
        if (mode == "l") {
            bytes32 hash;
            for (uint256 i = 0; i < 20_000; ++i) {
                hash = keccak256(abi.encode(hash));
            }
            return hash == 0 ? bytes("") : input[1:];
        }
        if (mode == "d") return data;
        if (mode == "x") return context;
        if (mode == "c") revert IPolicyContract.Conflict();
        if (mode == "f") revert Unsupported("stub");
        if (mode == "g") {
            while (true) {}
        }
        if (mode == "p") {
            assembly {
                mstore(0, 32)
                mstore(32, 1000)
                return(0, 64)
            }
        }
        if (mode == "w") {
            assembly {
                sstore(0, 1)
            }
        }
        if (mode == "r") {
            address target = address(bytes20(data[0:20]));
            (bool ok, bytes memory answer) = target.call{gas: 100_000}(data[20:]);
            return abi.encodePacked(bytes1(ok ? 0x02 : 0x01), answer);
        }
        return "";
    }

    /// @notice None. Caller: anyone.
    function entryPoints() external pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }
}

/// @title A challenger that calls `withdraw` again while it is paid: once, because whoever goes on until nothing is left takes everything back.
contract GreedyChallenger {
    Challenge private immutable _target;
    bool private _again;

    constructor(Challenge target) {
        _target = target;
    }

    /// @notice Caller: anyone.
    function commit(bytes32 commitment) external {
        _target.commit(commitment);
    }

    /// @notice Caller: anyone.
    function challenge(Challenge.Claim calldata claim, bytes32 secret) external {
        _target.challenge(claim, secret);
    }

    /// @notice Commits and challenges in one block. Caller: anyone.
    function rush(Challenge.Claim calldata claim, bytes32 secret) external {
        _target.commit(_target.commitmentOf(address(this), claim, secret));
        _target.challenge(claim, secret);
    }

    /// @notice Answers a claim of omission. Caller: anyone.
    function answer(bytes32 leafHash, DecisionLedger anchors, uint64 index, uint256 anchor, bytes32[] calldata inclusion)
        external
    {
        _target.answerOmission(leafHash, anchors, index, anchor, inclusion);
    }

    /// @notice Caller: anyone.
    function withdraw(bool again) external {
        _again = again;
        _target.withdraw();
    }

    receive() external payable {
        if (!_again) return;
        _again = false;
        _target.withdraw();
    }
}
