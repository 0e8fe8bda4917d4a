// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Governed} from "./Governed.sol";
import {INodeRegistry} from "./INodeRegistry.sol";
import {Roles} from "./Roles.sol";

/// @title The decision points that may anchor
/// @notice Invariant: only registered, unsuspended nodes are active; keys rotate without losing history.
///
/// A node is named by an address that never changes: it stands in every leaf the node writes. Two keys act for it and
/// rotate independently: the *operator*, the account that sends its transactions (at first the node's own address), and
/// the Ed25519 *log key* that signs its checkpoints. An account operates at most one node and is never reused, so a
/// past transaction always belongs to exactly one node.
///
/// Statuses: None -register-> Active -suspend-> Suspended -reinstate-> Active.
contract NodeRegistry is Governed, INodeRegistry {
    /// @notice A registered node. `activeSince`: when it was registered or last reinstated.
    struct Node {
        Status status;
        address operator;
        uint64 registeredBlock;
        uint64 registeredAt;
        uint64 activeSince;
        string name;
        string uri;
    }

    /// @notice One log key and when it came into force; it was replaced when the next one came.
    struct LogKey {
        bytes32 key;
        uint64 fromBlock;
        uint64 fromTime;
    }

    /// @notice For which node an account acts or acted, and when it was replaced; zero while it acts.
    struct Term {
        address node;
        uint64 until;
    }

    uint256 private constant MAX_NAME = 255;
    uint256 private constant MAX_TEXT = 2048;

    mapping(address node => Node) private _nodes;
    mapping(address node => LogKey[]) private _keys;
    mapping(address operator => Term) private _terms;
    mapping(address node => address[]) private _retired;
    address[] private _list;

    /// @notice A node was registered.
    event NodeRegistered(address indexed node, bytes32 key, string name, string uri, address indexed by);
    /// @notice A node was suspended.
    event NodeSuspended(address indexed node, string reason, address indexed by);
    /// @notice A suspended node was reinstated.
    event NodeReinstated(address indexed node, address indexed by);
    /// @notice A node's log key was replaced; `index` counts its keys from 0.
    event LogKeyRotated(address indexed node, uint256 index, bytes32 key, address indexed by);
    /// @notice A node's operator was replaced.
    event OperatorRotated(address indexed node, address previous, address operator, address indexed by);
    /// @notice A node's address of service was changed.
    event NodeUriChanged(address indexed node, string uri, address indexed by);

    /// @notice a node's address, operator and log key must not be zero
    error ZeroValue(string what);
    /// @notice a text is empty or longer than allowed
    error BadLength(string what, uint256 length, uint256 max);
    /// @notice the node is registered already
    error AlreadyRegistered(address node);
    /// @notice the node is not registered
    error NotRegistered(address node);
    /// @notice the account operates, or once operated, a node
    error OperatorTaken(address operator);
    /// @notice the node is in another status than the call needs
    error WrongStatus(address node, Status status, Status needed);
    /// @notice only the node's operator (while the node is active) or an admin may do this
    error NotOperator(address node, address caller);
    /// @notice the key is the one already in force
    error SameKey(address node, bytes32 key);

    constructor(Grant[] memory grants, address predecessor_) Governed(grants, predecessor_) {}

    // ---- registration ----

    /// @notice Registers a node with its Ed25519 log key (32 bytes), the origin its checkpoints carry, and its URI.
    /// The node's address is its first operator, also if an earlier registry has replaced that key. None -> Active.
    /// Caller: ADMIN.
    function register(address node, bytes32 key, string calldata name, string calldata uri)
        external
        onlyRole(Roles.ADMIN)
        inForce
    {
        if (node == address(0)) revert ZeroValue("node");
        if (bytes(name).length == 0 || bytes(name).length > MAX_NAME) {
            revert BadLength("name", bytes(name).length, MAX_NAME);
        }
        _checkUri(uri);
        if (_nodes[node].status != Status.None) revert AlreadyRegistered(node);
        if (_terms[node].node != address(0)) revert OperatorTaken(node);
        _nodes[node] = Node({
            status: Status.Active,
            operator: node,
            registeredBlock: uint64(block.number),
            registeredAt: uint64(block.timestamp),
            activeSince: uint64(block.timestamp),
            name: name,
            uri: uri
        });
        _list.push(node);
        _terms[node].node = node;
        emit NodeRegistered(node, key, name, uri, msg.sender);
        _pushKey(node, key);
    }

    /// @notice Suspends a node: it can't anchor until it is reinstated. Works after succession too, because it protects.
    /// Active -> Suspended.
    /// Caller: SUSPENDER.
    function suspend(address node, string calldata reason) external onlyRole(Roles.SUSPENDER) {
        if (bytes(reason).length > MAX_TEXT) revert BadLength("reason", bytes(reason).length, MAX_TEXT);
        _move(node, Status.Active, Status.Suspended);
        emit NodeSuspended(node, reason, msg.sender);
    }

    /// @notice Reinstates a suspended node. Suspended -> Active.
    /// Caller: ADMIN (not SUSPENDER: who may stop a node must not be able to let it go on).
    function reinstate(address node) external onlyRole(Roles.ADMIN) inForce {
        _move(node, Status.Suspended, Status.Active);
        _nodes[node].activeSince = uint64(block.timestamp);
        emit NodeReinstated(node, msg.sender);
    }

    // ---- keys ----

    /// @notice Replaces the log key; earlier keys stay on record with the time they came into force.
    /// Caller: the node's operator while the node is active, or ADMIN.
    function rotateKey(address node, bytes32 key) external inForce {
        _checkOperator(node);
        _pushKey(node, key);
    }

    /// @notice Replaces the account that acts for the node. The new account must never have operated a node.
    /// Caller: the node's operator while the node is active, or ADMIN.
    function rotateOperator(address node, address operator) external inForce {
        _checkOperator(node);
        if (operator == address(0)) revert ZeroValue("operator");
        if (_terms[operator].node != address(0)) revert OperatorTaken(operator);
        address previous = _nodes[node].operator;
        _terms[previous].until = uint64(block.timestamp);
        if (previous != node) _retired[node].push(previous);
        _terms[operator].node = node;
        _nodes[node].operator = operator;
        emit OperatorRotated(node, previous, operator, msg.sender);
    }

    /// @notice Changes where the node serves.
    /// Caller: the node's operator while the node is active, or ADMIN.
    function setUri(address node, string calldata uri) external inForce {
        _checkOperator(node);
        _checkUri(uri);
        _nodes[node].uri = uri;
        emit NodeUriChanged(node, uri, msg.sender);
    }

    // ---- views; caller: anyone ----

    /// @inheritdoc INodeRegistry
    function nodeOf(address operator) external view returns (address node, Status status) {
        Term storage term = _terms[operator];
        if (term.until == 0) node = term.node;
        status = _nodes[node].status;
    }

    /// @inheritdoc INodeRegistry
    function isActive(address node) external view returns (bool) {
        return _nodes[node].status == Status.Active;
    }

    /// @inheritdoc INodeRegistry
    function operatorTerm(address operator) external view returns (address node, uint64 until) {
        return (_terms[operator].node, _terms[operator].until);
    }

    /// @inheritdoc INodeRegistry
    function retiredOperators(address node) external view returns (address[] memory) {
        return _retired[node];
    }

    /// @inheritdoc INodeRegistry
    function registeredAt(address node) external view returns (uint64) {
        return _nodes[node].registeredAt;
    }

    /// @inheritdoc INodeRegistry
    function activeSince(address node) external view returns (uint64) {
        return _nodes[node].activeSince;
    }

    /// @notice A node's entry; status None when it was never registered. Caller: anyone.
    function nodeInfo(address node) external view returns (Node memory) {
        return _nodes[node];
    }

    /// @notice How many nodes were ever registered. Caller: anyone.
    function nodeCount() external view returns (uint256) {
        return _list.length;
    }

    /// @notice At most `limit` nodes from `offset`, in order of registration. Caller: anyone.
    function nodeList(uint256 offset, uint256 limit) external view returns (address[] memory page) {
        uint256 left = offset < _list.length ? _list.length - offset : 0;
        page = new address[](left < limit ? left : limit);
        for (uint256 i = 0; i < page.length; ++i) {
            page[i] = _list[offset + i];
        }
    }

    /// @notice All log keys of a node, oldest first; the last one is in force. Caller: anyone.
    function keysOf(address node) external view returns (LogKey[] memory) {
        return _keys[node];
    }

    /// @notice The log key in force at a time (seconds since 1970); zero before the node was registered. Caller: anyone.
    function keyAt(address node, uint64 time) external view returns (bytes32 key) {
        LogKey[] storage keys = _keys[node];
        for (uint256 i = keys.length; i > 0; --i) {
            if (keys[i - 1].fromTime <= time) return keys[i - 1].key;
        }
    }

    // ---- internals ----

    function _checkUri(string calldata uri) private pure {
        if (bytes(uri).length > MAX_TEXT) revert BadLength("uri", bytes(uri).length, MAX_TEXT);
    }

    function _checkOperator(address node) private view {
        Node storage entry = _nodes[node];
        if (entry.status == Status.None) revert NotRegistered(node);
        bool own = msg.sender == entry.operator && entry.status == Status.Active;
        if (!own && !hasRole(Roles.ADMIN, msg.sender)) revert NotOperator(node, msg.sender);
    }

    function _pushKey(address node, bytes32 key) private {
        if (key == 0) revert ZeroValue("key");
        LogKey[] storage keys = _keys[node];
        if (keys.length > 0 && keys[keys.length - 1].key == key) revert SameKey(node, key);
        keys.push(LogKey({key: key, fromBlock: uint64(block.number), fromTime: uint64(block.timestamp)}));
        emit LogKeyRotated(node, keys.length - 1, key, msg.sender);
    }

    function _move(address node, Status from, Status to) private {
        Status status = _nodes[node].status;
        if (status == Status.None) revert NotRegistered(node);
        if (status != from) revert WrongStatus(node, status, from);
        _nodes[node].status = to;
    }
}
