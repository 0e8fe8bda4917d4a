// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What other contracts ask and tell the node registry
interface INodeRegistry {
    /// @notice A node's standing. `None`: never registered.
    enum Status {
        None,
        Active,
        Suspended
    }

    /// @notice The node that `operator` signs transactions for, and its status; (0, None) for a stranger. Caller: anyone.
    function nodeOf(address operator) external view returns (address node, Status status);

    /// @notice Whether the node is registered and not suspended. Caller: anyone.
    function isActive(address node) external view returns (bool);

    /// @notice Suspends an active node. Caller: SUSPENDER.
    function suspend(address node, string calldata reason) external;
}
