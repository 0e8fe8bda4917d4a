// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Governed} from "./Governed.sol";
import {INodeRegistry} from "./INodeRegistry.sol";
import {RFC6962} from "./RFC6962.sol";
import {Roles} from "./Roles.sol";
import {VerifierSet} from "./VerifierSet.sol";

/// @title The anchors of every node's decision log
/// @notice Invariant: per node, an anchored tree size never falls, and every anchor is proven consistent with the last
/// one (RFC 6962 consistency proof, checked here), so that a rewritten log can't be anchored. Above a configured tree
/// size anchors also need the signatures of a quorum of verifiers.
///
/// Anchors are append-only. A ledger with a predecessor continues it: a node's first anchor here must extend its last
/// anchor there.
contract DecisionLedger is Governed, EIP712 {
    /// @notice One accepted checkpoint.
    struct Anchor {
        bytes32 root;
        uint64 size;
        uint64 blockNumber;
        uint64 time;
    }

    /// @notice Anchors of trees larger than `threshold` leaves need `signatures` verifiers; none when that is zero.
    struct Quorum {
        uint64 threshold;
        uint16 signatures;
    }

    /// @dev The quorum and the store with the holders of VERIFIER (see `VerifierSet`): one slot, read by every anchor.
    struct Demand {
        uint64 threshold;
        uint16 signatures;
        address verifiers;
    }

    /// @notice The EIP-712 type that verifiers sign.
    bytes32 public constant CHECKPOINT_TYPEHASH = keccak256("Checkpoint(address node,uint64 size,bytes32 root)");

    /// @notice The registry that says which nodes may anchor.
    INodeRegistry public immutable nodes;

    mapping(address node => Anchor[]) private _anchors;
    Demand private _demand;

    /// @notice A checkpoint of `node` was accepted as its anchor number `index` (from 0).
    event Anchored(address indexed node, uint256 indexed index, uint64 size, bytes32 root, uint16 signatures);
    /// @notice The quorum was changed.
    event QuorumChanged(uint64 threshold, uint16 signatures, address indexed by);

    /// @notice the registry of nodes is not a contract
    error NodesWithoutCode(address nodes);
    /// @notice the sender does not act for an active node: it is unregistered or suspended
    error NodeNotActive(address node, address sender, INodeRegistry.Status status);
    /// @notice the predecessor still takes anchors; its admin has to name this contract as successor first
    error PredecessorInForce(address predecessor);
    /// @notice an empty tree can't be anchored
    error EmptyTree(address node);
    /// @notice the tree is smaller than the one anchored last
    error SizeFell(address node, uint64 anchored, uint64 offered);
    /// @notice a different tree of the same size is anchored: the log was rewritten
    error RootChanged(address node, uint64 size, bytes32 anchored, bytes32 offered);
    /// @notice the proof does not show that the tree extends the one anchored last
    error Inconsistent(address node, uint64 anchored, uint64 offered);
    /// @notice trees of this size need the signatures of more verifiers
    error QuorumNeeded(address node, uint64 size, uint16 needed, uint256 given);
    /// @notice there is no anchor with this number
    error NoSuchAnchor(address node, uint256 index);

    constructor(Grant[] memory grants, address predecessor_, INodeRegistry nodes_, Quorum memory quorum_)
        Governed(grants, predecessor_)
        EIP712("Stele DecisionLedger", "1")
    {
        if (address(nodes_).code.length == 0) revert NodesWithoutCode(address(nodes_));
        nodes = nodes_;
        _setQuorum(quorum_);
    }

    // ---- anchoring ----

    /// @notice Anchors the sender's tree of `size` leaves with `root`. `proof` is the RFC 6962 consistency proof from
    /// the sender's last anchor, empty for its first. Anchoring the last anchor again changes nothing and succeeds.
    /// Caller: the operator of an active node, for that node. Returns the anchor's number.
    function anchor(uint64 size, bytes32 root, bytes32[] calldata proof) external returns (uint256 index) {
        VerifierSet.Signature[] calldata none;
        assembly ("memory-safe") {
            none.offset := 0
            none.length := 0
        }
        return _anchor(size, root, proof, none);
    }

    /// @notice As `anchor`, with verifiers' EIP-712 signatures over (node, size, root), sorted by signer address.
    /// Caller: the operator of an active node, for that node. Returns the anchor's number.
    function anchorWithQuorum(
        uint64 size,
        bytes32 root,
        bytes32[] calldata proof,
        VerifierSet.Signature[] calldata signatures
    ) external returns (uint256 index) {
        return _anchor(size, root, proof, signatures);
    }

    /// @notice Sets from which tree size on how many verifier signatures are needed; zero signatures switch it off.
    /// Caller: ADMIN.
    function setQuorum(Quorum calldata quorum_) external onlyRole(Roles.ADMIN) inForce {
        _setQuorum(quorum_);
    }

    // ---- views; caller: anyone ----

    /// @notice The quorum in force. Caller: anyone.
    function quorum() external view returns (Quorum memory) {
        return Quorum({threshold: _demand.threshold, signatures: _demand.signatures});
    }

    /// @notice How many verifiers must sign, and the store of who counts (see `VerifierSet`). Caller: anyone.
    function verifiers() external view returns (uint16 signatures, address store) {
        return (_demand.signatures, _demand.verifiers);
    }

    /// @notice What verifiers sign for a checkpoint: the EIP-712 digest. Caller: anyone.
    function checkpointDigest(address node, uint64 size, bytes32 root) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CHECKPOINT_TYPEHASH, node, size, root)));
    }

    /// @notice The node's last anchor, here or in a predecessor; all zero when it has none. Caller: anyone.
    function anchorOf(address node) public view returns (Anchor memory last) {
        Anchor[] storage anchors = _anchors[node];
        if (anchors.length > 0) return anchors[anchors.length - 1];
        if (predecessor != address(0)) return DecisionLedger(predecessor).anchorOf(node);
    }

    /// @notice How many anchors of the node this contract holds. Caller: anyone.
    function anchorCount(address node) external view returns (uint256) {
        return _anchors[node].length;
    }

    /// @notice The node's anchor with a number, from 0. Caller: anyone.
    function anchorAt(address node, uint256 index) external view returns (Anchor memory) {
        if (index >= _anchors[node].length) revert NoSuchAnchor(node, index);
        return _anchors[node][index];
    }

    /// @notice The node's first anchor here whose tree contains the leaf with an index; a found of false when no
    /// anchor does yet. Caller: anyone.
    function anchorCovering(address node, uint64 leafIndex)
        external
        view
        returns (bool found, uint256 index, Anchor memory first)
    {
        Anchor[] storage anchors = _anchors[node];
        uint256 low = 0;
        uint256 high = anchors.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (anchors[middle].size > leafIndex) high = middle;
            else low = middle + 1;
        }
        if (low < anchors.length) return (true, low, anchors[low]);
    }

    /// @notice Whether the leaf hash stands at `leafIndex` of the tree that the anchor `index` of `node` commits to.
    /// Caller: anyone.
    function verifyInclusion(address node, uint256 index, uint64 leafIndex, bytes32 leaf, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        if (index >= _anchors[node].length) revert NoSuchAnchor(node, index);
        Anchor storage tree = _anchors[node][index];
        return RFC6962.verifyInclusion(tree.root, tree.size, leafIndex, leaf, proof);
    }

    // ---- internals ----

    function _anchor(
        uint64 size,
        bytes32 root,
        bytes32[] calldata proof,
        VerifierSet.Signature[] calldata signatures
    ) private inForce returns (uint256 index) {
        (address node, INodeRegistry.Status status) = nodes.nodeOf(msg.sender);
        if (status != INodeRegistry.Status.Active) revert NodeNotActive(node, msg.sender, status);
        if (size == 0) revert EmptyTree(node);
        index = _anchors[node].length;
        // Otherwise a node could go on in both contracts, with two different logs.
        if (index == 0 && predecessor != address(0) && Governed(predecessor).successor() != address(this)) {
            revert PredecessorInForce(predecessor);
        }
        Anchor memory last = anchorOf(node);
        if (size < last.size) revert SizeFell(node, last.size, size);
        if (size == last.size) {
            if (root != last.root) revert RootChanged(node, size, last.root, root);
            if (index > 0) return index - 1;
            // The predecessor's last anchor is taken over as the first one here.
        }
        bool consistent = last.size == 0
            ? proof.length == 0
            : RFC6962.verifyConsistency(last.size, last.root, size, root, proof);
        if (!consistent) revert Inconsistent(node, last.size, size);
        _checkQuorum(node, size, root, signatures);
        _anchors[node].push(
            Anchor({root: root, size: size, blockNumber: uint64(block.number), time: uint64(block.timestamp)})
        );
        emit Anchored(node, index, size, root, uint16(signatures.length));
    }

    /// @dev Who acts for the node, or acted for it, does not count as a verifier of its log.
    function _checkQuorum(address node, uint64 size, bytes32 root, VerifierSet.Signature[] calldata signatures)
        private
        view
    {
        Demand memory demand = _demand;
        if (demand.signatures > 0 && size > demand.threshold && signatures.length < demand.signatures) {
            revert QuorumNeeded(node, size, demand.signatures, signatures.length);
        }
        if (signatures.length == 0) return;
        address[] memory signers =
            VerifierSet.check(demand.verifiers, checkpointDigest(node, size, root), signatures, node, msg.sender);
        // Nobody who was replaced comes back, so a node that acts for itself never had another operator.
        if (msg.sender == node) return;
        // Usually none or few: cheaper than to ask for the term of each signer.
        address[] memory retired = nodes.retiredOperators(node);
        for (uint256 i = 0; i < retired.length; ++i) {
            for (uint256 j = 0; j < signers.length; ++j) {
                if (signers[j] == retired[i]) revert VerifierSet.NotAVerifier(j, signers[j]);
            }
        }
    }

    /// @dev Keeps the store in step with the role.
    function _grantRole(bytes32 role, address account) internal override returns (bool granted) {
        granted = super._grantRole(role, account);
        if (granted && role == Roles.VERIFIER) _demand.verifiers = VerifierSet.insert(_demand.verifiers, account);
    }

    /// @dev Keeps the store in step with the role.
    function _revokeRole(bytes32 role, address account) internal override returns (bool revoked) {
        revoked = super._revokeRole(role, account);
        if (revoked && role == Roles.VERIFIER) _demand.verifiers = VerifierSet.remove(_demand.verifiers, account);
    }

    function _setQuorum(Quorum memory quorum_) private {
        (_demand.threshold, _demand.signatures) = (quorum_.threshold, quorum_.signatures);
        emit QuorumChanged(quorum_.threshold, quorum_.signatures, msg.sender);
    }
}
