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

    /// @notice The node that `operator` acts for, or acted for until it was replaced at `until` (seconds since 1970; zero
    /// while it acts); (0, 0) for a stranger. Caller: anyone.
    function operatorTerm(address operator) external view returns (address node, uint64 until);

    /// @notice The accounts that acted for the node until they were replaced, oldest first, without the node's own address,
    /// which is always its first operator. Caller: anyone.
    function retiredOperators(address node) external view returns (address[] memory);

    /// @notice When the node was registered here, in seconds since 1970; zero if it never was. Caller: anyone.
    function registeredAt(address node) external view returns (uint64);

    /// @notice When the node was registered or last reinstated, in seconds since 1970. Caller: anyone.
    function activeSince(address node) external view returns (uint64);

    /// @notice Suspends an active node. Caller: SUSPENDER.
    function suspend(address node, string calldata reason) external;
}
