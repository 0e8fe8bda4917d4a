// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {CanonicalValue} from "./CanonicalValue.sol";
import {Governed} from "./Governed.sol";
import {IPolicyContract} from "./IPolicyContract.sol";
import {PolicyCall} from "./PolicyCall.sol";
import {PolicyRegistry} from "./PolicyRegistry.sol";
import {Roles} from "./Roles.sol";

/// @title Enforcing policies within a transaction
/// @notice Invariant: `enforce` returns only when the version in force allows the input; every other end reverts.
///
/// The policy's package is evaluated as a whole and judged as decision points judge it: entries of `deny` and `violation`
/// refuse, and a policy that has an `allow` allows only by `true`. A policy that says none of these refuses. Unlike
/// decision points the contract knows no enforcement levels: findings that only warn off chain refuse here.
///
/// A bundle's data document is not part of the policy contract, and its digest is not on the chain. So it is put here once
/// for each version, by an admin; without it nothing is enforced, because rules that find no data may find nothing wrong.
contract Enforcer is Governed {
    using CanonicalValue for bytes;

    /// @notice The registry that says what is in force.
    PolicyRegistry public immutable registry;

    mapping(bytes32 policyId => mapping(bytes32 version => address)) private _data;

    /// @notice A policy allowed an input.
    event Enforced(
        bytes32 indexed policyId,
        address indexed caller,
        bytes32 indexed version,
        bytes32 inputDigest,
        bytes32 resultDigest
    );
    /// @notice The data document of a version was put on the chain.
    event DataBound(bytes32 indexed policyId, bytes32 indexed version, bytes32 digest, address indexed by);

    /// @notice the registry is not a contract
    error WithoutCode(address registry);
    /// @notice the policy refuses; `violations` is an array of its findings in the canonical encoding
    error Denied(bytes32 policyId, bytes32 version, bytes violations);
    /// @notice the registry was replaced, so what it says is no longer in force; use the enforcer of its successor
    error RegistrySuperseded(address registry, address successor);
    /// @notice the policy has no active version
    error NothingActive(bytes32 policyId);
    /// @notice the data document of the version in force is not on the chain yet; an admin binds it
    error DataNotBound(bytes32 policyId, bytes32 version);
    /// @notice a data document has 1 to 24,575 bytes
    error BadDataLength(uint256 length);
    /// @notice the data document could not be stored, probably for want of gas
    error DataNotStored();
    /// @notice the policy contract's code is no longer what was activated
    error CodeChanged(address policyContract);
    /// @notice the policy gave no answer; the reason is what its contract reverted with
    error NoAnswer(bytes32 policyId, bytes32 version, bytes reason);

    constructor(Grant[] memory grants, address predecessor_, PolicyRegistry registry_)
        Governed(grants, predecessor_)
    {
        if (address(registry_).code.length == 0) revert WithoutCode(address(registry_));
        registry = registry_;
    }

    // ---- enforcement ----

    /// @notice Evaluates the version in force of a policy on an input in the canonical encoding. Returns the version when
    /// it allows the input; reverts with `Denied` otherwise. Caller: anyone.
    function enforce(bytes32 policyId, bytes calldata input) external inForce returns (bytes32 version) {
        bytes memory violations;
        bytes32 resultDigest;
        (version, violations, resultDigest) = _evaluate(policyId, input);
        if (violations.length != 0) revert Denied(policyId, version, violations);
        emit Enforced(policyId, msg.sender, version, sha256(input), resultDigest);
    }

    /// @notice What `enforce` would say now, without a transaction. Caller: anyone.
    function check(bytes32 policyId, bytes calldata input)
        external
        view
        inForce
        returns (bool allowed, bytes32 version, bytes memory violations)
    {
        (version, violations,) = _evaluate(policyId, input);
        allowed = violations.length == 0;
    }

    // ---- administration ----

    /// @notice Puts the data document of a version on the chain, in the canonical encoding; the digest in the event is the
    /// one that decision points record. May be repeated to mend a mistake. Caller: ADMIN.
    function bindData(bytes32 policyId, bytes32 version, bytes calldata data) external onlyRole(Roles.ADMIN) inForce {
        if (data.length == 0 || data.length > 24_575) revert BadDataLength(data.length);
        // Code is the cheapest storage. It starts with STOP, so that nobody can run it.
        bytes memory code = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a5f395ff3", hex"00", data);
        address store;
        assembly ("memory-safe") {
            store := create(0, add(code, 32), mload(code))
        }
        if (store == address(0)) revert DataNotStored();
        _data[policyId][version] = store;
        emit DataBound(policyId, version, sha256(data), msg.sender);
    }

    // ---- views; caller: anyone ----

    /// @notice The data document of a version; no bytes when it is not on the chain. Caller: anyone.
    function dataOf(bytes32 policyId, bytes32 version) public view returns (bytes memory data) {
        address store = _data[policyId][version];
        if (store == address(0)) return data;
        data = new bytes(store.code.length - 1);
        assembly ("memory-safe") {
            extcodecopy(store, add(data, 32), 1, mload(data))
        }
    }

    // ---- internals ----

    /// @dev No violations mean that the input is allowed.
    function _evaluate(bytes32 policyId, bytes calldata input)
        private
        view
        returns (bytes32 version, bytes memory violations, bytes32 resultDigest)
    {
        if (registry.successor() != address(0)) revert RegistrySuperseded(address(registry), registry.successor());
        PolicyRegistry.InForce memory active = registry.active(policyId);
        version = active.version;
        if (version == 0) revert NothingActive(policyId);
        if (active.policyContract.codehash != active.codeHash) revert CodeChanged(active.policyContract);
        bytes memory data = dataOf(policyId, version);
        if (data.length == 0) revert DataNotBound(policyId, version);
        bytes memory path = bytes(registry.pathOf(policyId));
        (PolicyCall.Outcome outcome, bytes memory result) = PolicyCall.evaluate(
            active.policyContract, sha256(path), input, data, CanonicalValue.context(block.timestamp * 1e9)
        );
        if (outcome != PolicyCall.Outcome.Answer) revert NoAnswer(policyId, version, result);
        if (!result.hasTag(CanonicalValue.OBJECT)) revert NoAnswer(policyId, version, "");
        violations = _judge(active.policyContract, path, result);
        resultDigest = sha256(result);
    }

    /// @dev The findings as an array, or no bytes when there are none and the policy allows.
    function _judge(address policy, bytes memory path, bytes memory document) private view returns (bytes memory) {
        bytes memory allow = document.member("allow");
        bytes memory deny = document.member("deny");
        bytes memory violation = document.member("violation");
        // A rule `allow` that is undefined now leaves no trace in the document, but stands among the entry points.
        bool mustAllow = allow.length != 0 || _hasEntryPoint(policy, sha256(abi.encodePacked(path, "/allow")));
        bool refused = mustAllow && !allow.hasTag(CanonicalValue.TRUE);
        bool silent = !mustAllow && deny.length == 0 && violation.length == 0;
        bytes[] memory first = deny.length == 0 ? new bytes[](0) : deny.elements();
        bytes[] memory second = violation.length == 0 ? new bytes[](0) : violation.elements();
        uint256 found = first.length + second.length;
        if (found == 0 && !refused && !silent) return "";
        bytes[] memory all = new bytes[](found + (refused || silent ? 1 : 0));
        for (uint256 i = 0; i < found; ++i) {
            all[i] = i < first.length ? first[i] : second[i - first.length];
        }
        if (refused) all[found] = CanonicalValue.text("allow is not true");
        if (silent) all[found] = CanonicalValue.text("the policy says neither allow nor deny nor violation");
        return CanonicalValue.array(all);
    }

    function _hasEntryPoint(address policy, bytes32 entryPoint) private view returns (bool) {
        bytes32[] memory all = IPolicyContract(policy).entryPoints();
        for (uint256 i = 0; i < all.length; ++i) {
            if (all[i] == entryPoint) return true;
        }
        return false;
    }
}
