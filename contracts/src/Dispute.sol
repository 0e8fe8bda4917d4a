// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Challenge} from "./Challenge.sol";
import {DecisionLeaf} from "./DecisionLeaf.sol";
import {DecisionLedger} from "./DecisionLedger.sol";
import {INodeRegistry} from "./INodeRegistry.sol";
import {RFC6962} from "./RFC6962.sol";
import {VerifierSet} from "./VerifierSet.sol";

/// @title Refuting a recorded decision without publishing its input
/// @notice Invariant: an anchored leaf suspends its node when a quorum of the ledger's verifiers signed that its
/// re-execution gives another result; one of which they signed that it gives the recorded result can't be disputed again.
///
/// A challenge publishes the input. Here the verifiers re-execute under their own access and sign the outcome; the chain sees digests
/// only. It trusts them: a quorum that lies suspends an honest node, or shields a liar from this contract. It shields nobody from
/// `Challenge`: what the chain itself executes counts more, in both directions. A leaf that `Challenge` has settled is not disputed, and
/// one that is upheld here can still be challenged there.
///
/// The outcome names its challenger, so whoever copies the transaction earns the reward for the one who asked. It is paid by
/// `Challenge`, which also suspends: this contract needs the role ARBITER there.
contract Dispute is EIP712 {
    /// @notice A decision: its leaf, the leaf's place in its log, the number of an anchor whose tree contains it, and the RFC
    /// 6962 audit path in that tree.
    struct Decision {
        bytes leaf;
        uint64 index;
        uint256 anchor;
        bytes32[] inclusion;
    }

    /// @notice What verifiers sign, an EIP-712 type. `verdict` is that of `Challenge.Verdict`; `computed` is the digest of the result
    /// that they found, and zero when the policy contradicts itself.
    struct Outcome {
        address node;
        bytes32 leafHash;
        bytes32 version;
        Challenge.Verdict verdict;
        bytes32 computed;
        address challenger;
    }

    /// @notice The EIP-712 type that verifiers sign.
    bytes32 public constant OUTCOME_TYPEHASH = keccak256(
        "Outcome(address node,bytes32 leafHash,bytes32 version,uint8 verdict,bytes32 computed,address challenger)"
    );

    /// @notice Where refutations are settled, and what the chain executed itself.
    Challenge public immutable challenge;
    /// @notice The ledger whose anchors and verifiers count.
    DecisionLedger public immutable ledger;
    /// @notice The node registry that the ledger asks.
    INodeRegistry public immutable nodes;

    /// @notice Whether a quorum found the recorded result of a leaf, by its RFC 6962 leaf hash.
    mapping(bytes32 leafHash => bool) public upheld;

    /// @notice Verifiers re-executed a decision with the recorded result.
    event DisputeUpheld(
        address indexed node,
        bytes32 indexed leafHash,
        uint128 indexed decisionId,
        bytes32 version,
        address challenger,
        address[] verifiers
    );
    /// @notice Verifiers re-executed a decision with another result than the recorded one, and its node was suspended.
    event DisputeRefuted(
        address indexed node,
        bytes32 indexed leafHash,
        uint128 indexed decisionId,
        bytes32 version,
        address challenger,
        bytes leaf,
        bytes32 computed,
        address[] verifiers
    );

    /// @notice the contract Challenge is not a contract
    error ChallengeWithoutCode(address challenge);
    /// @notice this leaf was challenged or disputed before, and a leaf is settled once
    error AlreadySettled(bytes32 leafHash, Challenge.Verdict verdict);
    /// @notice the leaf's node is not active: it was never registered, or is suspended already
    error NodeNotActive(address node);
    /// @notice the evaluation failed at the node, so the leaf claims no result that could be refuted
    error NoAnswerRecorded(bytes32 leafHash);
    /// @notice the proof does not show that the leaf is in the anchored tree
    error NotIncluded(bytes32 leafHash, uint256 anchor);
    /// @notice the ledger demands no quorum of verifiers, so there is nobody whose word would count
    error NoQuorum();
    /// @notice a dispute needs the signatures of as many verifiers as an anchor
    error QuorumNeeded(uint16 needed, uint256 given);

    constructor(Challenge challenge_) EIP712("Stele Dispute", "1") {
        if (address(challenge_).code.length == 0) revert ChallengeWithoutCode(address(challenge_));
        challenge = challenge_;
        ledger = challenge_.ledger();
        nodes = challenge_.nodes();
    }

    /// @notice Settles a leaf by the word of a quorum of verifiers: `computed` is the digest of the result that all of them found,
    /// `challenger` the account for which they signed, `signatures` are sorted by signer. Caller: anyone.
    function dispute(
        Decision calldata decision,
        bytes32 computed,
        address challenger,
        VerifierSet.Signature[] calldata signatures
    ) external returns (Challenge.Verdict) {
        DecisionLeaf.Leaf memory leaf = DecisionLeaf.decode(decision.leaf);
        bytes32 leafHash = RFC6962.leafHash(decision.leaf);
        Challenge.Verdict before = verdictOf(leafHash);
        if (before != Challenge.Verdict.None) revert AlreadySettled(leafHash, before);
        if (!nodes.isActive(leaf.node)) revert NodeNotActive(leaf.node);
        if (leaf.resultDigest == DecisionLeaf.NO_ANSWER) revert NoAnswerRecorded(leafHash);
        _checkInclusion(decision, leaf.node, leafHash);
        bool same = computed == leaf.resultDigest;
        Outcome memory outcome = Outcome({
            node: leaf.node,
            leafHash: leafHash,
            version: leaf.version,
            verdict: same ? Challenge.Verdict.Upheld : Challenge.Verdict.Refuted,
            computed: computed,
            challenger: challenger
        });
        _settle(outcome, leaf.decisionId, decision.leaf, _checkQuorum(outcome, signatures));
        return outcome.verdict;
    }

    // ---- views; caller: anyone ----

    /// @notice What became of a leaf, here or in `Challenge`. Caller: anyone.
    function verdictOf(bytes32 leafHash) public view returns (Challenge.Verdict verdict) {
        verdict = challenge.verdictOf(leafHash);
        if (verdict == Challenge.Verdict.None && upheld[leafHash]) verdict = Challenge.Verdict.Upheld;
    }

    /// @notice What verifiers sign for the outcome of a dispute: the EIP-712 digest. Caller: anyone.
    function outcomeDigest(Outcome memory outcome) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(OUTCOME_TYPEHASH, outcome)));
    }

    // ---- internals ----

    function _checkInclusion(Decision calldata decision, address node, bytes32 leafHash) private view {
        DecisionLedger.Anchor memory tree = ledger.anchorAt(node, decision.anchor);
        if (!RFC6962.verifyInclusion(tree.root, tree.size, decision.index, leafHash, decision.inclusion)) {
            revert NotIncluded(leafHash, decision.anchor);
        }
    }

    /// @dev Who acts for the node, or acted for it, does not count.
    function _checkQuorum(Outcome memory outcome, VerifierSet.Signature[] calldata signatures)
        private
        view
        returns (address[] memory signers)
    {
        (uint16 needed, address store) = ledger.verifiers();
        if (needed == 0) revert NoQuorum();
        if (signatures.length < needed) revert QuorumNeeded(needed, signatures.length);
        address node = outcome.node;
        signers = VerifierSet.check(store, outcomeDigest(outcome), signatures, node, node);
        for (uint256 i = 0; i < signers.length; ++i) {
            (address actsFor,) = nodes.operatorTerm(signers[i]);
            if (actsFor == node) revert VerifierSet.NotAVerifier(i, signers[i]);
        }
    }

    function _settle(Outcome memory outcome, uint128 decisionId, bytes calldata leaf, address[] memory signers) private {
        if (outcome.verdict == Challenge.Verdict.Upheld) {
            upheld[outcome.leafHash] = true;
            emit DisputeUpheld(
                outcome.node, outcome.leafHash, decisionId, outcome.version, outcome.challenger, signers
            );
            return;
        }
        emit DisputeRefuted(
            outcome.node,
            outcome.leafHash,
            decisionId,
            outcome.version,
            outcome.challenger,
            leaf,
            outcome.computed,
            signers
        );
        challenge.refuteByQuorum(outcome.leafHash, outcome.node, outcome.challenger);
    }
}
