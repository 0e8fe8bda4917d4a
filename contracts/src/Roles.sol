// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The roles of Stele's governance
/// @notice One vocabulary of roles for all governance contracts. A role is the keccak256 of its name, so that tools can
/// recompute it; `ADMIN` is zero because it is OpenZeppelin's default admin role, the admin of every other role.
library Roles {
    /// @notice Grants and revokes roles, changes settings, registers nodes, names the successor.
    bytes32 internal constant ADMIN = 0x00;
    /// @notice Proposes versions of policies and withdraws its own proposals.
    bytes32 internal constant AUTHOR = keccak256("AUTHOR");
    /// @notice Approver role: security.
    bytes32 internal constant SECURITY = keccak256("SECURITY");
    /// @notice Approver role: platform.
    bytes32 internal constant PLATFORM = keccak256("PLATFORM");
    /// @notice Approver role: compliance.
    bytes32 internal constant COMPLIANCE = keccak256("COMPLIANCE");
    /// @notice Rolls an active version back and stops canaries, alone and at once.
    bytes32 internal constant RESPONDER = keccak256("RESPONDER");
    /// @notice Suspends nodes. Held by people, and later by contracts that prove misbehaviour.
    bytes32 internal constant SUSPENDER = keccak256("SUSPENDER");
    /// @notice Signs checkpoints that the ledger accepts only with a quorum.
    bytes32 internal constant VERIFIER = keccak256("VERIFIER");

    /// @notice Settles leaves in `Challenge` as refuted without an execution on chain. For the contract `Dispute`.
    bytes32 internal constant ARBITER = keccak256("ARBITER");

    /// @notice The number of approver roles.
    uint8 internal constant APPROVER_ROLES = 3;

    /// @notice Whether `role` is one whose holders may approve a proposal.
    function isApprover(bytes32 role) internal pure returns (bool) {
        return role == SECURITY || role == PLATFORM || role == COMPLIANCE;
    }
}
