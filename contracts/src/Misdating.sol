// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DecisionLeaf} from "./DecisionLeaf.sol";
import {DecisionLedger} from "./DecisionLedger.sol";
import {Omission} from "./Omission.sol";
import {RFC6962} from "./RFC6962.sol";

/// @title Holding a node to the order of its log
/// @notice Invariant: a node whose anchored log has a decision that claims to be made more than the tolerance before one
/// ahead of it is suspended, when anyone shows the two; a node that logs in the order of its clock never is.
///
/// A node that decided by yesterday's policy can date the decision yesterday: under that version the answer is right. But
/// entries are only ever appended, so it stands behind today's. Two leaves of one tree prove it, and nothing else is
/// needed: no input, no clock but the node's own. The time of anchors would not do: one that waits for its block is dated by the
/// block, and what an honest node decided meanwhile is older (docs/model.md).
///
/// The evidence is public and earns nothing, so nobody gains by copying it.
abstract contract Misdating is Omission {
    /// @notice A leaf, its place in the log, and the RFC 6962 audit path to an anchored root.
    struct Entry {
        bytes leaf;
        uint64 index;
        bytes32[] inclusion;
    }

    /// @notice Whether a leaf, by its hash, was refuted by one ahead of it.
    mapping(bytes32 leafHash => bool) public misdated;

    /// @notice A decision claims to be made at `time`, and one ahead of it in the log at `firstTime`, long after it (both in
    /// nanoseconds since 1970). The node was suspended.
    event Misdated(
        address indexed node,
        bytes32 indexed leafHash,
        uint128 indexed decisionId,
        uint64 time,
        uint64 firstTime,
        address by
    );

    /// @notice a node is suspended for a misdated decision once
    error AlreadyMisdated(bytes32 leafHash);
    /// @notice the second decision must stand behind the first
    error NotLater(uint64 first, uint64 second);
    /// @notice the second decision is not dated before the first by more than the tolerance
    error InOrder(uint64 firstTime, uint64 secondTime);
    /// @notice the second decision was anchored before the node was reinstated, and nothing follows from it now
    error BeforeReinstatement(uint64 anchored, uint64 activeSince);

    /// @notice Suspends a node whose log, in the tree of its anchor `anchor`, has `second` behind `first` though it is dated
    /// more than the tolerance before it. What our ledger had anchored before the node was reinstated is forgiven: an
    /// admin knew. After a succession the new ledger judges the whole log again. Caller: anyone.
    function refuteDate(address node, uint256 anchor, Entry calldata first, Entry calldata second) external {
        if (!nodes.isActive(node)) revert NodeNotActive(node);
        bytes32 leafHash = RFC6962.leafHash(second.leaf);
        if (misdated[leafHash]) revert AlreadyMisdated(leafHash);
        if (second.index <= first.index) revert NotLater(first.index, second.index);
        DecisionLeaf.Leaf memory leaf = DecisionLeaf.decode(second.leaf);
        uint64 firstTime = DecisionLeaf.decode(first.leaf).time;
        if (uint256(leaf.time) + uint256(tolerance) * 1e9 >= firstTime) revert InOrder(firstTime, leaf.time);
        _checkInclusion(ledger, node, anchor, first.index, RFC6962.leafHash(first.leaf), first.inclusion);
        _checkInclusion(ledger, node, anchor, second.index, leafHash, second.inclusion);
        (,, DecisionLedger.Anchor memory covering) = ledger.anchorCovering(node, second.index);
        uint64 since = nodes.activeSince(node);
        if (covering.time < since) revert BeforeReinstatement(covering.time, since);
        misdated[leafHash] = true;
        emit Misdated(node, leafHash, leaf.decisionId, leaf.time, firstTime, msg.sender);
        nodes.suspend(node, "misdated: a decision claims to be made long before one ahead of it in the log");
    }
}
