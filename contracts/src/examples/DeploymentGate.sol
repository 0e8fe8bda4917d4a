// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Enforcer} from "../Enforcer.sol";
import {PolicyRegistry} from "../PolicyRegistry.sol";

/// @title Example: a gate that a pipeline must pass before it deploys
/// @notice A pipeline submits what it is about to deploy; whoever deploys asks whether exactly that has passed. A pass is
/// bound to the version of the policy that gave it, and ends when another version comes into force, or another registry.
contract DeploymentGate {
    /// @notice Where policies are enforced.
    Enforcer public immutable enforcer;
    /// @notice The policy: keccak256 of its path.
    bytes32 public immutable policyId;
    /// @notice The version under which a manifest passed last; zero when it never did.
    mapping(bytes32 digest => bytes32 version) public passedUnder;

    /// @notice A manifest passed.
    event Passed(bytes32 indexed digest, bytes32 indexed version, address indexed by);

    constructor(Enforcer enforcer_, bytes32 policyId_) {
        enforcer = enforcer_;
        policyId = policyId_;
    }

    /// @notice Submits a manifest in the canonical encoding. Reverts with the violations when policy refuses it. Returns
    /// its SHA-256, by which it is known from then on. Caller: anyone.
    function submit(bytes calldata manifest) external returns (bytes32 digest) {
        bytes32 version = enforcer.enforce(policyId, manifest);
        digest = sha256(manifest);
        passedUnder[digest] = version;
        emit Passed(digest, version, msg.sender);
    }

    /// @notice Whether the manifest with a SHA-256 may be deployed now. Caller: anyone.
    function mayDeploy(bytes32 digest) external view returns (bool) {
        bytes32 version = passedUnder[digest];
        PolicyRegistry registry = enforcer.registry();
        // A registry that was replaced goes on saying what was in force when it was.
        bool replaced = enforcer.successor() != address(0) || registry.successor() != address(0);
        return version != 0 && !replaced && version == registry.active(policyId).version;
    }
}
