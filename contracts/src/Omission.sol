// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {DecisionLeaf} from "./DecisionLeaf.sol";
import {DecisionLedger} from "./DecisionLedger.sol";
import {Escrow} from "./Escrow.sol";
import {Governed} from "./Governed.sol";
import {INodeRegistry} from "./INodeRegistry.sol";
import {RFC6962} from "./RFC6962.sol";
import {Roles} from "./Roles.sol";

/// @title Holding a node to its receipts
/// @notice Invariant: a node that signed a receipt, and for whose leaf nobody shows an inclusion proof against one of its
/// anchors within the window after a claim, is suspended; one for whom somebody does never is.
///
/// A receipt (`docs/formats/receipt.md`) is a node's signed promise that a decision will be in its log within the merge
/// delay. Whoever holds one whose delay has passed claims the omission and pays a deposit. The node, or anyone for it,
/// answers with an inclusion proof and earns the deposit, which pays the gas. After the window without an answer, anyone
/// settles: the deposit goes back, and the node is suspended.
///
/// A claim earns nothing, so there is nothing to be won by sending a copy first, and who sent it makes no difference.
abstract contract Omission is Governed, Escrow {
    /// @notice What became of a claim.
    enum ClaimStatus {
        None,
        Open,
        Answered,
        Omitted
    }

    /// @notice A receipt. The node's operator signed (EIP-712; domain "Stele Receipt", version "1", `chainId`, `ledger`)
    /// node, root of the batch, its `size`, `issuedAt` and `mergeDelay`. `path` leads from the leaf at `index` to that
    /// root (RFC 6962). Times are in seconds.
    struct Receipt {
        uint256 chainId;
        address ledger;
        uint64 issuedAt;
        uint64 mergeDelay;
        uint64 size;
        uint64 index;
        bytes32[] path;
        bytes signature;
        bytes leaf;
    }

    /// @notice What claims are subject to. A node's promise counts at most `maxMergeDelay` seconds. It has `window`
    /// seconds to answer. Receipts of an operator that was replaced count for `grace` seconds more: a key that leaks
    /// later is worth nothing. The grace is at least tolerance, `maxMergeDelay` and `window` together: so long after its
    /// last moment an operator's latest promise may fall due, and its holder then has as long to claim as the node has to
    /// answer. Else a node could be freed of what it promised by replacing its operator. A claim takes `deposit` wei,
    /// which should pay the gas of an answer.
    struct OmissionTerms {
        uint64 maxMergeDelay;
        uint64 window;
        uint64 grace;
        uint128 deposit;
    }

    /// @notice A claim. `position` is its place among the node's open ones.
    struct Claimed {
        address node;
        uint64 deadline;
        ClaimStatus status;
        address claimant;
        uint128 deposit;
        uint128 decisionId;
        uint64 position;
        bytes32 receiptHash;
    }

    /// @notice The EIP-712 type that operators sign.
    bytes32 public constant RECEIPT_TYPEHASH =
        keccak256("Receipt(address node,bytes32 root,uint64 size,uint64 issuedAt,uint64 mergeDelay)");
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    uint64 private constant LONGEST = 365 days;

    /// @notice The ledger whose anchors count.
    DecisionLedger public immutable ledger;
    /// @notice The node registry that the ledger asks.
    INodeRegistry public immutable nodes;
    /// @notice Seconds by which clocks may differ. A decision may precede its version's activation by so much or follow
    /// its end: a decision point learns of a new version a little later than the chain.
    uint64 public immutable tolerance;

    OmissionTerms private _terms;
    mapping(bytes32 leafHash => Claimed) private _claims;
    mapping(address node => bytes32[]) private _openOf;

    /// @notice A node is accused of having left a decision out, and must answer until `deadline`.
    event OmissionClaimed(
        address indexed node,
        bytes32 indexed leafHash,
        uint128 indexed decisionId,
        address claimant,
        uint64 deadline,
        Receipt receipt
    );
    /// @notice The decision is in the log: at `index` of the tree that was anchored at `anchoredAt`.
    event OmissionAnswered(
        address indexed node, bytes32 indexed leafHash, address answerer, uint64 index, uint64 anchoredAt
    );
    /// @notice Nobody showed the decision in the log in time, and the node was suspended. `receipt` is the evidence.
    event Omitted(
        address indexed node,
        bytes32 indexed leafHash,
        uint128 indexed decisionId,
        address claimant,
        address settler,
        Receipt receipt
    );
    /// @notice The claim was dropped without a verdict, because the node is not active or this contract may not suspend, and
    /// may be made again later.
    event OmissionDropped(address indexed node, bytes32 indexed leafHash, address claimant);
    /// @notice The terms of claims were changed.
    event OmissionTermsChanged(OmissionTerms terms, address indexed by);

    /// @notice ledger and registry must be contracts
    error WithoutCode(address account);
    /// @notice the claim is made for another chain
    error WrongChain(uint256 claimed, uint256 actual);
    /// @notice the leaf's node is not active: it was never registered, or is suspended already
    error NodeNotActive(address node);
    /// @notice the proof does not show that the leaf is in the anchored tree
    error NotIncluded(bytes32 leafHash, uint256 anchor);
    /// @notice the ledger is neither ours, nor one that it goes back to or that follows it
    error ForeignLedger(address ledger);
    /// @notice a merge delay and a window must be between one second and a year, the grace at most a year
    error BadTerms();
    /// @notice receipts of a replaced operator would be worth nothing before they could be claimed
    error GraceTooShort(uint256 least);
    /// @notice a claim takes exactly the deposit
    error WrongDeposit(uint256 needed, uint256 given);
    /// @notice this decision was claimed before, and a decision is claimed once
    error AlreadyClaimed(bytes32 leafHash, ClaimStatus status);
    /// @notice the path does not fit the size of the batch and the place in it
    error BrokenReceipt();
    /// @notice the signature is not valid: it has another length than 65 bytes, or a high s, or recovers to nobody
    error BadReceiptSignature();
    /// @notice the signer never acted for the leaf's node (a forged or altered receipt recovers to a stranger)
    error NotSignedByNode(address node, address signer);
    /// @notice the signer was replaced as the node's operator too long ago
    error SignerRetired(address signer, uint256 until);
    /// @notice the decision need not be in the log yet
    error NotDue(uint256 due);
    /// @notice no claim about this decision is open
    error NoOpenClaim(bytes32 leafHash, ClaimStatus status);
    /// @notice the node may still answer
    error WindowOpen(uint256 until);

    constructor(DecisionLedger ledger_, uint64 tolerance_, OmissionTerms memory terms_) {
        if (address(ledger_).code.length == 0) revert WithoutCode(address(ledger_));
        ledger = ledger_;
        nodes = ledger_.nodes();
        tolerance = tolerance_;
        _setTerms(terms_);
    }

    // ---- claiming, answering, settling ----

    /// @notice Claims that a decision is not in its node's log though its receipt is due, and opens the window in which
    /// the node must answer. A receipt dated in the future counts as issued now: it exists. Caller: anyone, with the
    /// deposit.
    function claimOmission(Receipt calldata receipt) external payable inForce returns (bytes32 leafHash) {
        if (msg.value != _terms.deposit) revert WrongDeposit(_terms.deposit, msg.value);
        DecisionLeaf.Leaf memory leaf = DecisionLeaf.decode(receipt.leaf);
        leafHash = RFC6962.leafHash(receipt.leaf);
        ClaimStatus status = _claims[leafHash].status;
        if (status != ClaimStatus.None) revert AlreadyClaimed(leafHash, status);
        if (!nodes.isActive(leaf.node)) revert NodeNotActive(leaf.node);
        _checkSigner(leaf.node, receipt, leafHash);
        _open(receipt, leaf, leafHash);
    }

    /// @notice Shows that a claimed decision is in its node's log: at `index` of the tree that the node's anchor `anchor`
    /// in `anchors` commits to. `anchors` is our ledger, one it goes back to, or one that follows it. Earns the deposit.
    /// Counts until the claim is settled, even after the window. Caller: anyone.
    function answerOmission(
        bytes32 leafHash,
        DecisionLedger anchors,
        uint64 index,
        uint256 anchor,
        bytes32[] calldata inclusion
    ) external {
        Claimed storage claimed = _openClaim(leafHash);
        _checkLine(address(anchors));
        address node = claimed.node;
        uint64 anchoredAt = _checkInclusion(anchors, node, anchor, index, leafHash, inclusion);
        _close(claimed, ClaimStatus.Answered, msg.sender);
        emit OmissionAnswered(node, leafHash, msg.sender, index, anchoredAt);
    }

    /// @notice Ends a claim that nobody answered in time: its node is suspended, and the deposit goes back. Any valid
    /// receipt of the decision will do: who claimed first may be the liar, with a receipt that nobody else has. While the
    /// node is not active the claim is dropped instead, without a verdict: a suspended node can't anchor. So it is while this
    /// contract may not suspend, or the deposit would be stuck. A node that was reinstated has the whole window again, the
    /// one in force by now. Caller: anyone.
    function settleOmission(Receipt calldata receipt) external returns (ClaimStatus) {
        bytes32 leafHash = RFC6962.leafHash(receipt.leaf);
        Claimed storage claimed = _openClaim(leafHash);
        address node = claimed.node;
        // That of the claim was checked then, and its signer may have been retired since.
        if (keccak256(abi.encode(receipt)) != claimed.receiptHash) _checkSigner(node, receipt, leafHash);
        address claimant = claimed.claimant;
        if (!nodes.isActive(node) || !IAccessControl(address(nodes)).hasRole(Roles.SUSPENDER, address(this))) {
            _close(claimed, ClaimStatus.None, claimant);
            emit OmissionDropped(node, leafHash, claimant);
            return ClaimStatus.None;
        }
        uint256 until = uint256(nodes.activeSince(node)) + _terms.window;
        if (until < claimed.deadline) until = claimed.deadline;
        if (block.timestamp <= until) revert WindowOpen(until);
        _close(claimed, ClaimStatus.Omitted, claimant);
        emit Omitted(node, leafHash, claimed.decisionId, claimant, msg.sender, receipt);
        nodes.suspend(node, "omitted: a decision that a receipt promises is not in the log");
        return ClaimStatus.Omitted;
    }

    /// @notice Changes the terms for later claims; the windows of open ones stay. Caller: ADMIN.
    function setOmissionTerms(OmissionTerms calldata terms_) external onlyRole(Roles.ADMIN) inForce {
        _setTerms(terms_);
    }

    // ---- views; caller: anyone ----

    /// @notice The terms of claims. Caller: anyone.
    function omissionTerms() external view returns (OmissionTerms memory) {
        return _terms;
    }

    /// @notice The claim about a leaf; status None when there is none. Caller: anyone.
    function omissionOf(bytes32 leafHash) external view returns (Claimed memory) {
        return _claims[leafHash];
    }

    /// @notice At most `limit` leaf hashes of open claims against the node, from `offset`, in no order. Caller: anyone.
    function openOmissions(address node, uint256 offset, uint256 limit) external view returns (bytes32[] memory page) {
        bytes32[] storage open = _openOf[node];
        uint256 left = offset < open.length ? open.length - offset : 0;
        page = new bytes32[](left < limit ? left : limit);
        for (uint256 i = 0; i < page.length; ++i) {
            page[i] = open[offset + i];
        }
    }

    /// @notice What a node's operator signs for a batch of receipts: the EIP-712 digest. Caller: anyone.
    function receiptDigest(
        address ledger_,
        address node,
        bytes32 root,
        uint64 size,
        uint64 issuedAt,
        uint64 mergeDelay
    ) public view returns (bytes32) {
        // Not OpenZeppelin's EIP712: the promise is about a ledger, and outlives the contract that judges it.
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("Stele Receipt"), keccak256("1"), block.chainid, ledger_)
        );
        bytes32 promised = keccak256(abi.encode(RECEIPT_TYPEHASH, node, root, size, issuedAt, mergeDelay));
        return MessageHashUtils.toTypedDataHash(domain, promised);
    }

    // ---- internals ----

    /// @dev Reverts unless the leaf hash stands at `index` of the tree that the node's anchor `anchor` commits to; returns
    /// the anchor's time.
    function _checkInclusion(
        DecisionLedger anchors,
        address node,
        uint256 anchor,
        uint64 index,
        bytes32 leafHash,
        bytes32[] calldata inclusion
    ) internal view returns (uint64) {
        DecisionLedger.Anchor memory tree = anchors.anchorAt(node, anchor);
        if (!RFC6962.verifyInclusion(tree.root, tree.size, index, leafHash, inclusion)) {
            revert NotIncluded(leafHash, anchor);
        }
        return tree.time;
    }

    /// @dev Reverts unless an operator of the node, present or lately replaced, signed the receipt. Registering the node
    /// in a later registry replaces the operator that the earlier one has.
    function _checkSigner(address node, Receipt calldata receipt, bytes32 leafHash) private view {
        if (receipt.chainId != block.chainid) revert WrongChain(receipt.chainId, block.chainid);
        _checkLine(receipt.ledger);
        (bool fits, bytes32 root) = RFC6962.rootOfInclusion(receipt.size, receipt.index, leafHash, receipt.path);
        if (!fits) revert BrokenReceipt();
        bytes32 digest =
            receiptDigest(receipt.ledger, node, root, receipt.size, receipt.issuedAt, receipt.mergeDelay);
        // Refuses high s and the zero address.
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, receipt.signature);
        if (failure != ECDSA.RecoverError.NoError) revert BadReceiptSignature();
        address line = address(nodes);
        uint64 replaced = 0;
        while (line != address(0)) {
            (address acted, uint64 until) = INodeRegistry(line).operatorTerm(signer);
            if (acted == node) {
                if (until == 0) until = replaced;
                if (until != 0 && block.timestamp > uint256(until) + _terms.grace) {
                    revert SignerRetired(signer, until);
                }
                return;
            }
            uint64 registered = INodeRegistry(line).registeredAt(node);
            if (registered != 0) replaced = registered;
            line = Governed(line).predecessor();
        }
        revert NotSignedByNode(node, signer);
    }

    /// @dev Records the claim, if it is due.
    function _open(Receipt calldata receipt, DecisionLeaf.Leaf memory leaf, bytes32 leafHash) private {
        OmissionTerms memory terms = _terms;
        uint256 delay = receipt.mergeDelay < terms.maxMergeDelay ? receipt.mergeDelay : terms.maxMergeDelay;
        uint256 start = block.timestamp;
        if (receipt.issuedAt > block.timestamp + tolerance) {
            start += delay;
        } else if (block.timestamp <= receipt.issuedAt + delay) {
            revert NotDue(receipt.issuedAt + delay);
        }
        uint64 deadline = uint64(start + terms.window);
        _claims[leafHash] = Claimed({
            node: leaf.node,
            deadline: deadline,
            status: ClaimStatus.Open,
            claimant: msg.sender,
            deposit: terms.deposit,
            decisionId: leaf.decisionId,
            position: uint64(_openOf[leaf.node].length),
            receiptHash: keccak256(abi.encode(receipt))
        });
        _openOf[leaf.node].push(leafHash);
        owed += terms.deposit;
        emit OmissionClaimed(leaf.node, leafHash, leaf.decisionId, msg.sender, deadline, receipt);
    }

    function _openClaim(bytes32 leafHash) private view returns (Claimed storage claimed) {
        claimed = _claims[leafHash];
        if (claimed.status != ClaimStatus.Open) revert NoOpenClaim(leafHash, claimed.status);
    }

    /// @dev Takes the claim off the open ones and credits its deposit, which `owed` counts already.
    function _close(Claimed storage claimed, ClaimStatus status, address to) private {
        bytes32[] storage open = _openOf[claimed.node];
        bytes32 last = open[open.length - 1];
        open[claimed.position] = last;
        _claims[last].position = claimed.position;
        open.pop();
        claimed.status = status;
        credit[to] += claimed.deposit;
    }

    /// @dev Reverts unless the ledger is ours, one it goes back to, or one that follows it.
    function _checkLine(address candidate) private view {
        address line = address(ledger);
        while (line != address(0)) {
            if (line == candidate) return;
            line = Governed(line).predecessor();
        }
        line = Governed(address(ledger)).successor();
        while (line != address(0)) {
            if (line == candidate) return;
            line = Governed(line).successor();
        }
        revert ForeignLedger(candidate);
    }

    function _setTerms(OmissionTerms memory terms_) private {
        bool delays = terms_.maxMergeDelay > 0 && terms_.maxMergeDelay <= LONGEST;
        bool windows = terms_.window > 0 && terms_.window <= LONGEST;
        if (!delays || !windows || terms_.grace > LONGEST) revert BadTerms();
        uint256 least = uint256(tolerance) + terms_.maxMergeDelay + terms_.window;
        if (terms_.grace < least) revert GraceTooShort(least);
        _terms = terms_;
        emit OmissionTermsChanged(terms_, msg.sender);
    }
}
