// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CanonicalValue} from "./CanonicalValue.sol";
import {DecisionLeaf} from "./DecisionLeaf.sol";
import {DecisionLedger} from "./DecisionLedger.sol";
import {Governed} from "./Governed.sol";
import {Misdating} from "./Misdating.sol";
import {Omission} from "./Omission.sol";
import {PolicyCall} from "./PolicyCall.sol";
import {PolicyRegistry} from "./PolicyRegistry.sol";
import {RFC6962} from "./RFC6962.sol";
import {Roles} from "./Roles.sol";

/// @title Refuting a recorded decision
/// @notice Invariant: an anchored leaf whose re-execution differs suspends its node; one whose re-execution agrees is
/// settled and can't be used again; everything else reverts and changes nothing. A decision that a receipt promises and
/// that is not in the log suspends its node too: see `Omission`.
///
/// A challenge publishes the decision's input and data. It takes two transactions: `commit` binds the challenger to the
/// claim without showing it, and `challenge`, in a later block, shows it. Whoever copies the second has no commitment of
/// an earlier block, so the reward can't be taken away from the one who found the lie.
///
/// What counts is a result, or the policy's contradiction with itself (`Conflict`), which no gas limit can bring about. A
/// re-execution that fails in any other way, first of all by running out of gas, settles nothing. A leaf that records a
/// failed evaluation claims no result, so there is nothing to refute.
///
/// Needs the role SUSPENDER in the node registry. Whoever holds ARBITER here settles leaves as refuted without an execution: the
/// contract `Dispute`, by the word of a quorum of verifiers.
contract Challenge is Misdating {
    /// @notice What became of a leaf.
    enum Verdict {
        None,
        Upheld,
        Refuted
    }

    /// @notice Everything that a re-execution needs. `index` is the leaf's place in its log, `anchor` the number of an
    /// anchor whose tree contains it, `inclusion` the RFC 6962 audit path in that tree. `activation` is the number of the
    /// entry in the history of `policyId` that put the leaf's version in force, in `registry`: the registry in force when
    /// this contract was made, or one it goes back to.
    struct Claim {
        uint256 chainId;
        bytes leaf;
        uint64 index;
        uint256 anchor;
        bytes32[] inclusion;
        PolicyRegistry registry;
        bytes32 policyId;
        uint256 activation;
        bytes32 inputSalt;
        bytes input;
        bytes data;
    }

    /// @notice The registry whose history says what was in force.
    PolicyRegistry public immutable registry;

    /// @notice Wei for a refutation, as far as this contract has them.
    uint256 public reward;
    /// @notice What became of a leaf, by its RFC 6962 leaf hash.
    mapping(bytes32 leafHash => Verdict) public verdictOf;

    mapping(bytes32 commitment => uint256 blockNumber) private _committed;

    /// @notice A commitment was made; `sender` need not be the challenger it names.
    event Committed(bytes32 indexed commitment, address indexed sender);
    /// @notice A decision was re-executed with the recorded result.
    event Upheld(
        address indexed node, bytes32 indexed leafHash, uint128 indexed decisionId, bytes32 version, address challenger
    );
    /// @notice A decision was re-executed with another result than the recorded one, and its node suspended. `result` is
    /// what the policy says, in the canonical encoding; no bytes with `conflict` mean that it contradicts itself, and no
    /// bytes without it that the result is undefined.
    event Refuted(
        address indexed node,
        bytes32 indexed leafHash,
        uint128 indexed decisionId,
        bytes32 version,
        address challenger,
        bytes leaf,
        bytes32 computed,
        bool conflict,
        bytes result
    );
    /// @notice The reward for a refutation was changed.
    event RewardChanged(uint256 reward, address indexed by);

    /// @notice the sender did not commit to this claim in an earlier block
    error NotCommitted(bytes32 commitment);
    /// @notice this leaf was challenged before, and a leaf is challenged once
    error AlreadySettled(bytes32 leafHash, Verdict verdict);
    /// @notice the registry is neither the one in force nor one it goes back to
    error ForeignRegistry(address registry);
    /// @notice the activation put another version in force than the leaf names
    error WrongVersion(bytes32 recorded, bytes32 activated);
    /// @notice the decision was not made while that version was in force (seconds since 1970; an end of zero: none)
    error NotInForce(uint256 time, uint256 from, uint256 until);
    /// @notice input and salt are not what the leaf commits to
    error WrongInput(bytes32 recorded, bytes32 given);
    /// @notice the data document is not the one whose digest the leaf has
    error WrongData(bytes32 recorded, bytes32 given);
    /// @notice the evaluation failed at the node, so the leaf claims no result that could be refuted
    error NoAnswerRecorded(bytes32 leafHash);
    /// @notice the policy contract's code is no longer what was activated
    error CodeChanged(address policyContract);
    /// @notice the policy contract gave no answer, or the gas did not suffice: nothing follows for the node
    error NotExecutable(bytes reason);

    constructor(
        Grant[] memory grants,
        address predecessor_,
        DecisionLedger ledger_,
        PolicyRegistry registry_,
        uint64 tolerance_,
        uint256 reward_,
        OmissionTerms memory terms_
    ) Governed(grants, predecessor_) Omission(ledger_, tolerance_, terms_) {
        if (address(registry_).code.length == 0) revert WithoutCode(address(registry_));
        registry = registry_;
        _setReward(reward_);
    }

    // ---- challenging ----

    /// @notice Binds a challenger to a claim without showing it; see `commitmentOf`. A commitment names its challenger, so it
    /// does not matter who sends it. Committing again changes nothing and succeeds: otherwise whoever sends a copy first
    /// could make the challenger's own transaction fail. Caller: anyone.
    function commit(bytes32 commitment) external {
        if (_committed[commitment] != 0) return;
        _committed[commitment] = block.number;
        emit Committed(commitment, msg.sender);
    }

    /// @notice Re-executes a decision that the sender committed to in an earlier block, and settles its leaf: upheld, or
    /// refuted and its node suspended. Reverts, and leaves the leaf as it was, when the claim does not hold together.
    /// Caller: anyone.
    function challenge(Claim calldata claim, bytes32 secret) external returns (Verdict) {
        if (claim.chainId != block.chainid) revert WrongChain(claim.chainId, block.chainid);
        _spendCommitment(claim, secret);
        DecisionLeaf.Leaf memory leaf = DecisionLeaf.decode(claim.leaf);
        bytes32 leafHash = RFC6962.leafHash(claim.leaf);
        if (verdictOf[leafHash] != Verdict.None) revert AlreadySettled(leafHash, verdictOf[leafHash]);
        if (!nodes.isActive(leaf.node)) revert NodeNotActive(leaf.node);
        if (leaf.resultDigest == DecisionLeaf.NO_ANSWER) revert NoAnswerRecorded(leafHash);
        _checkInclusion(ledger, leaf.node, claim.anchor, claim.index, leafHash, claim.inclusion);
        _checkOpenings(claim, leaf);
        address policy = _policyInForce(claim, leaf);
        return _settle(claim, leaf, leafHash, policy);
    }

    /// @notice Settles a leaf as refuted by the word of a quorum of verifiers: the node is suspended, and the challenger
    /// rewarded, as for a challenge. Caller: ARBITER (`Dispute`, which checks everything else and emits the evidence).
    function refuteByQuorum(bytes32 leafHash, address node, address challenger) external onlyRole(Roles.ARBITER) {
        if (verdictOf[leafHash] != Verdict.None) revert AlreadySettled(leafHash, verdictOf[leafHash]);
        _refute(leafHash, node, challenger, "refuted: a recorded decision differs from its re-execution by verifiers");
    }

    /// @notice Changes what a refutation is worth. Caller: ADMIN.
    function setReward(uint256 reward_) external onlyRole(Roles.ADMIN) inForce {
        _setReward(reward_);
    }

    // ---- views; caller: anyone ----

    /// @notice What `challenger` commits to before challenging with `claim` and `secret`. Caller: anyone.
    function commitmentOf(address challenger, Claim calldata claim, bytes32 secret) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), challenger, keccak256(abi.encode(claim)), secret));
    }

    // ---- internals ----

    function _spendCommitment(Claim calldata claim, bytes32 secret) private {
        bytes32 commitment = commitmentOf(msg.sender, claim, secret);
        uint256 since = _committed[commitment];
        if (since == 0 || since >= block.number) revert NotCommitted(commitment);
        delete _committed[commitment];
    }

    function _checkOpenings(Claim calldata claim, DecisionLeaf.Leaf memory leaf) private pure {
        bytes32 input = sha256(abi.encodePacked(claim.inputSalt, claim.input));
        if (input != leaf.inputCommitment) revert WrongInput(leaf.inputCommitment, input);
        bytes32 data = sha256(claim.data);
        if (data != leaf.dataDigest) revert WrongData(leaf.dataDigest, data);
    }

    /// @dev The contract of the leaf's version, if that version was in force at the leaf's time.
    function _policyInForce(Claim calldata claim, DecisionLeaf.Leaf memory leaf) private view returns (address) {
        address line = address(registry);
        while (line != address(claim.registry)) {
            if (line == address(0)) revert ForeignRegistry(address(claim.registry));
            line = Governed(line).predecessor();
        }
        PolicyRegistry.InForce memory activation = claim.registry.activationAt(claim.policyId, claim.activation);
        if (activation.version != leaf.version || leaf.version == 0) {
            revert WrongVersion(leaf.version, activation.version);
        }
        uint256 until = claim.registry.activationAt(claim.policyId, claim.activation + 1).time;
        uint256 time = leaf.time / 1e9;
        bool early = time + tolerance < activation.time;
        bool late = until != 0 && time > until + tolerance;
        if (early || late) revert NotInForce(time, activation.time, until);
        if (activation.policyContract.codehash != activation.codeHash) revert CodeChanged(activation.policyContract);
        return activation.policyContract;
    }

    function _settle(Claim calldata claim, DecisionLeaf.Leaf memory leaf, bytes32 leafHash, address policy)
        private
        returns (Verdict)
    {
        (PolicyCall.Outcome outcome, bytes memory result) = PolicyCall.evaluate(
            policy, leaf.entryPoint, claim.input, claim.data, CanonicalValue.context(leaf.time)
        );
        if (outcome == PolicyCall.Outcome.Failed) revert NotExecutable(result);
        bool conflict = outcome == PolicyCall.Outcome.Conflict;
        if (conflict) result = "";
        bytes32 computed = conflict ? DecisionLeaf.NO_ANSWER : sha256(result);
        if (computed == leaf.resultDigest) {
            verdictOf[leafHash] = Verdict.Upheld;
            emit Upheld(leaf.node, leafHash, leaf.decisionId, leaf.version, msg.sender);
            return Verdict.Upheld;
        }
        emit Refuted(
            leaf.node, leafHash, leaf.decisionId, leaf.version, msg.sender, claim.leaf, computed, conflict, result
        );
        _refute(leafHash, leaf.node, msg.sender, "refuted: a recorded decision differs from its re-execution on chain");
        return Verdict.Refuted;
    }

    function _refute(bytes32 leafHash, address node, address challenger, string memory reason) private {
        verdictOf[leafHash] = Verdict.Refuted;
        _reward(challenger, reward);
        nodes.suspend(node, reason);
    }

    function _setReward(uint256 reward_) private {
        reward = reward_;
        emit RewardChanged(reward_, msg.sender);
    }
}
