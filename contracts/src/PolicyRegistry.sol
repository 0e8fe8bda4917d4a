// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Governed} from "./Governed.sol";
import {PolicyPath} from "./PolicyPath.sol";
import {Roles} from "./Roles.sol";

/// @title Which version of each policy is in force
/// @notice Invariant: a version becomes active only after approvals by the required number of *distinct* approver
/// roles, each given by a different account that still holds its role, none of them the author; and after its time
/// lock. An activation names the bundle digest (the version), the contract's address and its code hash, and checks the
/// hash again. Rolling back to the previous active version needs one RESPONDER and no delay.
///
/// A policy is identified by keccak256 of its path, a version by the SHA-256 digest of its bundle. A proposal is
/// identified by a hash over all that it would put in force and a counter, so that an approval can never be carried
/// over to other content: neither by proposing again nor by a reorganisation of the chain.
///
/// States of a proposal (every other move reverts with `WrongState`):
///   None      -propose->      Proposed
///   Proposed  -approve->      Proposed, or Approved once enough roles have approved (the time lock starts)
///   Approved  -startCanary->  Canary -stopCanary-> Approved   (after the time lock)
///   Approved, Canary -activate-> Active                        (after the time lock)
///   Proposed, Approved, Canary -withdraw-> Withdrawn, -reject-> Rejected
///   Active    -activate of another proposal-> Retired
///   Active    -rollback->     RolledBack; the previously active proposal: Retired -> Active
/// The settings that a proposal is judged by are those in force when it was made.
contract PolicyRegistry is Governed {
    /// @notice State of a proposal.
    enum State {
        None,
        Proposed,
        Approved,
        Canary,
        Active,
        Retired,
        RolledBack,
        Rejected,
        Withdrawn
    }

    /// @notice What it takes to activate. Times in seconds; a lifetime of zero means that proposals never expire.
    struct Settings {
        uint8 requiredRoles;
        uint64 timeLock;
        uint64 lifetime;
    }

    /// @notice A proposed version. Times are seconds since 1970; `unlocksAt` is zero until enough roles have approved,
    /// `expiresAt` is zero when it never expires.
    struct Proposal {
        bytes32 policyId;
        bytes32 version;
        bytes32 codeHash;
        address policyContract;
        State state;
        uint8 requiredRoles;
        uint8 canaryPercent;
        address author;
        uint64 proposedAt;
        uint64 timeLock;
        uint64 unlocksAt;
        uint64 expiresAt;
        string uri;
    }

    /// @notice One approval.
    struct Approval {
        bytes32 role;
        address account;
        uint64 time;
    }

    /// @notice One entry of a policy's append-only history: what came into force when. `previous` is the number, plus
    /// one, of the entry that a rollback returns to; zero when there is none. `epoch` counts over all policies.
    struct Activation {
        bytes32 proposalId;
        uint64 blockNumber;
        uint64 time;
        uint64 epoch;
        uint32 previous;
        bool isRollback;
    }

    /// @notice A version that is or was in force, with what names it.
    struct InForce {
        bytes32 proposalId;
        bytes32 version;
        bytes32 codeHash;
        address policyContract;
        uint64 blockNumber;
        uint64 time;
        uint64 epoch;
        bool isRollback;
        string uri;
    }

    struct Policy {
        string path;
        bytes32 canary;
        Activation[] history;
        bytes32[] proposals;
    }

    uint8 private constant MIN_ROLES = 2;
    uint64 private constant MAX_DELAY = 365 days;
    uint256 private constant MAX_TEXT = 2048;

    /// @notice What new proposals are judged by.
    Settings public settings;

    /// @notice How many activations and rollbacks there were, over all policies: followers poll this one number.
    uint64 public epoch;

    mapping(bytes32 policyId => Policy) private _policies;
    mapping(bytes32 proposalId => Proposal) private _proposals;
    mapping(bytes32 proposalId => Approval[]) private _approvals;
    mapping(bytes32 policyId => mapping(bytes32 version => bytes32 proposalId)) private _latest;
    bytes32[] private _policyIds;

    /// @notice The settings for new proposals were changed.
    event SettingsChanged(uint8 requiredRoles, uint64 timeLock, uint64 lifetime, address indexed by);
    /// @notice A policy was proposed for the first time.
    event PolicyAdded(bytes32 indexed policyId, string path);
    /// @notice A version was proposed.
    event Proposed(
        bytes32 indexed policyId,
        bytes32 indexed version,
        bytes32 indexed proposalId,
        address author,
        address policyContract,
        bytes32 codeHash,
        string uri
    );
    /// @notice An approval was given. `count` roles have approved now.
    event Approved(
        bytes32 indexed policyId, bytes32 indexed proposalId, bytes32 indexed role, address account, uint256 count
    );
    /// @notice Enough roles have approved; the version may be activated from `unlocksAt` on.
    event Unlocking(bytes32 indexed policyId, bytes32 indexed proposalId, uint64 unlocksAt);
    /// @notice A canary was started or its share changed.
    event CanaryStarted(
        bytes32 indexed policyId, bytes32 indexed version, bytes32 indexed proposalId, uint8 percent, address by
    );
    /// @notice A canary ended without activation.
    event CanaryStopped(bytes32 indexed policyId, bytes32 indexed version, bytes32 indexed proposalId, address by);
    /// @notice A version came into force.
    event Activated(
        bytes32 indexed policyId,
        bytes32 indexed version,
        bytes32 indexed proposalId,
        address policyContract,
        bytes32 codeHash,
        uint64 epoch,
        address by
    );
    /// @notice The version `from` was rolled back and `to` is in force again.
    event RolledBack(bytes32 indexed policyId, bytes32 indexed from, bytes32 indexed to, uint64 epoch, address by);
    /// @notice A proposal was rejected.
    event Rejected(bytes32 indexed policyId, bytes32 indexed version, bytes32 indexed proposalId, string reason, address by);
    /// @notice A proposal was withdrawn by its author.
    event Withdrawn(bytes32 indexed policyId, bytes32 indexed version, bytes32 indexed proposalId);

    /// @notice settings out of bounds: 2 to 3 roles, delays up to a year, a lifetime longer than the time lock
    error BadSettings(uint8 requiredRoles, uint64 timeLock, uint64 lifetime);
    /// @notice a text is longer than allowed
    error BadLength(string what, uint256 length, uint256 max);
    /// @notice a path is words of letters, digits, `_`, `-`, `.` and `:`, joined by single slashes, of at most 512 bytes
    error BadPath(string path);
    /// @notice a version is the digest of a bundle and can't be zero
    error ZeroVersion();
    /// @notice the code at the policy contract's address is not the code that was named
    error CodeHashMismatch(address policyContract, bytes32 expected, bytes32 actual);
    /// @notice a proposal of this version is under way
    error AlreadyProposed(bytes32 proposalId);
    /// @notice this version is active
    error AlreadyActive(bytes32 proposalId);
    /// @notice there is no such proposal
    error NoSuchProposal(bytes32 proposalId);
    /// @notice the policy has no active version
    error NothingActive(bytes32 policyId);
    /// @notice the policy has no earlier active version to return to
    error NothingToRollBackTo(bytes32 policyId);
    /// @notice the proposal's state does not allow this
    error WrongState(bytes32 proposalId, State state);
    /// @notice the proposal has expired and has to be made again
    error ProposalExpired(bytes32 proposalId, uint64 expiredAt);
    /// @notice an author may not approve their own proposal
    error AuthorCannotApprove(bytes32 proposalId, address author);
    /// @notice the role is not one that approves
    error NotAnApproverRole(bytes32 role);
    /// @notice the account has approved already, and each account counts once
    error AlreadyApproved(bytes32 proposalId, address account, bytes32 role);
    /// @notice this role has approved already; another role has to
    error RoleAlreadyApproved(bytes32 proposalId, bytes32 role, address account);
    /// @notice too few distinct roles approve, counting only accounts that still hold their role
    error NotEnoughApprovals(bytes32 proposalId, uint256 approvals, uint256 required);
    /// @notice the time lock has not passed yet
    error TimeLocked(bytes32 proposalId, uint64 unlocksAt, uint64 now_);
    /// @notice a canary serves 1 to 99 percent
    error BadPercent(uint8 percent);
    /// @notice another version of this policy is the canary; stop it first
    error CanaryRunning(bytes32 policyId, bytes32 proposalId);
    /// @notice no canary of this policy is running
    error NoCanary(bytes32 policyId);
    /// @notice only the author of a proposal may withdraw it
    error NotTheAuthor(bytes32 proposalId, address author, address caller);
    /// @notice the caller holds none of the roles that may do this
    error NotPermitted(address caller);

    /// @dev AUTHOR or any approver role.
    modifier onlyMaintainer() {
        if (!hasRole(Roles.AUTHOR, msg.sender) && !_isApprover(msg.sender)) revert NotPermitted(msg.sender);
        _;
    }

    constructor(Grant[] memory grants, address predecessor_, Settings memory settings_)
        Governed(grants, predecessor_)
    {
        _configure(settings_);
    }

    // ---- administration ----

    /// @notice Changes what new proposals are judged by. Proposals under way keep the settings they were made under.
    /// Caller: ADMIN.
    function configure(Settings calldata settings_) external onlyRole(Roles.ADMIN) inForce {
        _configure(settings_);
    }

    // ---- proposal and approval ----

    /// @notice Proposes a version of the policy with `path`: its bundle digest, its contract, the contract's code hash
    /// (checked here) and where the bundle is found. None -> Proposed. Returns the proposal's id.
    /// Caller: AUTHOR.
    function propose(string calldata path, bytes32 version, address policyContract, bytes32 codeHash, string calldata uri)
        external
        onlyRole(Roles.AUTHOR)
        inForce
        returns (bytes32 proposalId)
    {
        if (version == 0) revert ZeroVersion();
        if (bytes(uri).length > MAX_TEXT) revert BadLength("uri", bytes(uri).length, MAX_TEXT);
        _checkCode(policyContract, codeHash);
        bytes32 policyId = _addPolicy(path);
        _checkNoLiveProposal(_latest[policyId][version]);
        bytes32[] storage all = _policies[policyId].proposals;
        proposalId = keccak256(
            abi.encode(block.chainid, address(this), policyId, version, policyContract, codeHash, msg.sender, all.length)
        );
        all.push(proposalId);
        _latest[policyId][version] = proposalId;
        _proposals[proposalId] = Proposal({
            policyId: policyId,
            version: version,
            codeHash: codeHash,
            policyContract: policyContract,
            state: State.Proposed,
            requiredRoles: settings.requiredRoles,
            canaryPercent: 0,
            author: msg.sender,
            proposedAt: uint64(block.timestamp),
            timeLock: settings.timeLock,
            unlocksAt: 0,
            expiresAt: settings.lifetime == 0 ? 0 : uint64(block.timestamp) + settings.lifetime,
            uri: uri
        });
        emit Proposed(policyId, version, proposalId, msg.sender, policyContract, codeHash, uri);
    }

    /// @notice Approves a proposal in the name of one approver role. When enough distinct roles have approved, the time
    /// lock starts: Proposed -> Approved. An approval whose account has lost the role counts no more, and another
    /// account with the role may then approve in its place.
    /// Caller: a holder of `role`, an approver role, who is not the author and has not approved yet.
    function approve(bytes32 proposalId, bytes32 role) external onlyRole(role) inForce {
        if (!Roles.isApprover(role)) revert NotAnApproverRole(role);
        Proposal storage p = _live(proposalId);
        if (msg.sender == p.author) revert AuthorCannotApprove(proposalId, p.author);
        uint256 before = _countApprovals(proposalId);
        _addApproval(proposalId, role);
        uint256 count = _countApprovals(proposalId);
        emit Approved(p.policyId, proposalId, role, msg.sender, count);
        // `unlocksAt` can be zero with enough approvals before this one: when a revoked role was granted again.
        if (count >= p.requiredRoles && (before < p.requiredRoles || p.unlocksAt == 0)) {
            p.unlocksAt = uint64(block.timestamp) + p.timeLock;
            if (p.state == State.Proposed) p.state = State.Approved;
            emit Unlocking(p.policyId, proposalId, p.unlocksAt);
        }
    }

    /// @notice Rejects a proposal that is not active yet. Proposed, Approved, Canary -> Rejected.
    /// Caller: a holder of any approver role.
    function reject(bytes32 proposalId, string calldata reason) external {
        if (!_isApprover(msg.sender)) revert NotPermitted(msg.sender);
        if (bytes(reason).length > MAX_TEXT) revert BadLength("reason", bytes(reason).length, MAX_TEXT);
        Proposal storage p = _pending(proposalId);
        if (p.state == State.Canary) _endCanary(p.policyId);
        p.state = State.Rejected;
        emit Rejected(p.policyId, p.version, proposalId, reason, msg.sender);
    }

    /// @notice Withdraws a proposal that is not active yet. Proposed, Approved, Canary -> Withdrawn.
    /// Caller: the proposal's author.
    function withdraw(bytes32 proposalId) external {
        Proposal storage p = _pending(proposalId);
        if (msg.sender != p.author) revert NotTheAuthor(proposalId, p.author, msg.sender);
        if (p.state == State.Canary) _endCanary(p.policyId);
        p.state = State.Withdrawn;
        emit Withdrawn(p.policyId, p.version, proposalId);
    }

    // ---- coming into force ----

    /// @notice Lets an approved version serve `percent` of the requests, or changes that share. Approved -> Canary.
    /// The same conditions hold as for activation. One canary per policy.
    /// Caller: AUTHOR or a holder of any approver role.
    function startCanary(bytes32 proposalId, uint8 percent) external onlyMaintainer inForce {
        if (percent == 0 || percent > 99) revert BadPercent(percent);
        Proposal storage p = _ready(proposalId);
        bytes32 running = _policies[p.policyId].canary;
        if (running != 0 && running != proposalId) revert CanaryRunning(p.policyId, running);
        _policies[p.policyId].canary = proposalId;
        p.state = State.Canary;
        p.canaryPercent = percent;
        emit CanaryStarted(p.policyId, p.version, proposalId, percent, msg.sender);
    }

    /// @notice Ends the canary of a policy. Canary -> Approved.
    /// Caller: RESPONDER, AUTHOR or a holder of any approver role.
    function stopCanary(bytes32 policyId) external {
        bool permitted = hasRole(Roles.RESPONDER, msg.sender) || hasRole(Roles.AUTHOR, msg.sender);
        if (!permitted && !_isApprover(msg.sender)) revert NotPermitted(msg.sender);
        if (_policies[policyId].canary == 0) revert NoCanary(policyId);
        _endCanary(policyId);
    }

    /// @notice Puts an approved version in force. Approved, Canary -> Active; the version in force until now -> Retired.
    /// Counts the approvals and checks the code hash again. Ends a canary of another version.
    /// Caller: AUTHOR or a holder of any approver role.
    function activate(bytes32 proposalId) external onlyMaintainer inForce {
        Proposal storage p = _ready(proposalId);
        Policy storage policy = _policies[p.policyId];
        if (policy.canary == proposalId) {
            policy.canary = 0;
            p.canaryPercent = 0;
        } else {
            _endCanary(p.policyId);
        }
        uint256 length = policy.history.length;
        if (length > 0) _proposals[policy.history[length - 1].proposalId].state = State.Retired;
        p.state = State.Active;
        uint64 number = _record(policy, proposalId, uint32(length), false);
        emit Activated(p.policyId, p.version, proposalId, p.policyContract, p.codeHash, number, msg.sender);
    }

    /// @notice Returns to the version that was active before the active one: at once, no approvals, no delay.
    /// Active -> RolledBack and Retired -> Active. Ends a canary. `expected` is the active proposal that the caller means
    /// to take out of force, so that two responders acting at once don't roll back twice.
    /// Caller: RESPONDER.
    function rollback(bytes32 policyId, bytes32 expected) external onlyRole(Roles.RESPONDER) inForce {
        Policy storage policy = _policies[policyId];
        uint256 length = policy.history.length;
        if (length == 0) revert NothingActive(policyId);
        Activation storage current = policy.history[length - 1];
        Proposal storage from = _proposals[current.proposalId];
        if (current.proposalId != expected) revert WrongState(expected, _proposals[expected].state);
        if (current.previous == 0) revert NothingToRollBackTo(policyId);
        Activation storage target = policy.history[current.previous - 1];
        Proposal storage to = _proposals[target.proposalId];
        _checkCode(to.policyContract, to.codeHash);
        _endCanary(policyId);
        from.state = State.RolledBack;
        to.state = State.Active;
        uint64 number = _record(policy, target.proposalId, target.previous, true);
        emit RolledBack(policyId, from.version, to.version, number, msg.sender);
    }

    // ---- views; caller: anyone ----

    /// @notice The id of the policy with a path. Caller: anyone.
    function policyIdOf(string calldata path) external pure returns (bytes32) {
        return keccak256(bytes(path));
    }

    /// @notice The path of a policy; empty when it is unknown. Caller: anyone.
    function pathOf(bytes32 policyId) external view returns (string memory) {
        return _policies[policyId].path;
    }

    /// @notice How many policies were ever proposed. Caller: anyone.
    function policyCount() external view returns (uint256) {
        return _policyIds.length;
    }

    /// @notice At most `limit` policies from `offset`, in the order they were added. Caller: anyone.
    function policyList(uint256 offset, uint256 limit) external view returns (bytes32[] memory) {
        return _page(_policyIds, offset, limit);
    }

    /// @notice A proposal; state None when there is no such one. Caller: anyone.
    function proposal(bytes32 proposalId) external view returns (Proposal memory) {
        return _proposals[proposalId];
    }

    /// @notice All approvals of a proposal, also those that no longer count. Caller: anyone.
    function approvalsOf(bytes32 proposalId) external view returns (Approval[] memory) {
        return _approvals[proposalId];
    }

    /// @notice How many distinct roles approve a proposal now. Caller: anyone.
    function approvalCount(bytes32 proposalId) external view returns (uint256) {
        return _countApprovals(proposalId);
    }

    /// @notice The latest proposal of a version; zero when it was never proposed. Caller: anyone.
    function latestProposal(bytes32 policyId, bytes32 version) external view returns (bytes32) {
        return _latest[policyId][version];
    }

    /// @notice How many proposals a policy has had. Caller: anyone.
    function proposalCount(bytes32 policyId) external view returns (uint256) {
        return _policies[policyId].proposals.length;
    }

    /// @notice At most `limit` proposals of a policy from `offset`, oldest first. Caller: anyone.
    function proposalList(bytes32 policyId, uint256 offset, uint256 limit) external view returns (bytes32[] memory) {
        return _page(_policies[policyId].proposals, offset, limit);
    }

    /// @notice The version in force; all zero when there is none. Caller: anyone.
    function active(bytes32 policyId) external view returns (InForce memory) {
        return _inForce(policyId, _policies[policyId].history.length);
    }

    /// @notice The canary of a policy and its share; zero when none is running. Caller: anyone.
    function canaryOf(bytes32 policyId) external view returns (bytes32 proposalId, uint8 percent) {
        proposalId = _policies[policyId].canary;
        percent = _proposals[proposalId].canaryPercent;
    }

    /// @notice How many activations and rollbacks a policy has had. Caller: anyone.
    function activationCount(bytes32 policyId) external view returns (uint256) {
        return _policies[policyId].history.length;
    }

    /// @notice The activation with a number, from 0; all zero beyond the last. Caller: anyone.
    function activationAt(bytes32 policyId, uint256 index) external view returns (InForce memory) {
        return _inForce(policyId, index < _policies[policyId].history.length ? index + 1 : 0);
    }

    /// @notice The version in force at a time (seconds since 1970), the last one of several at that very time; all zero
    /// before the first activation. Caller: anyone.
    function activeAtTime(bytes32 policyId, uint64 time) external view returns (InForce memory) {
        Activation[] storage history = _policies[policyId].history;
        uint256 low = 0;
        uint256 high = history.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (history[middle].time > time) high = middle;
            else low = middle + 1;
        }
        return _inForce(policyId, low);
    }

    /// @notice The version in force at the end of a block; all zero before the first activation. Caller: anyone.
    function activeAtBlock(bytes32 policyId, uint64 blockNumber) external view returns (InForce memory) {
        Activation[] storage history = _policies[policyId].history;
        uint256 low = 0;
        uint256 high = history.length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (history[middle].blockNumber > blockNumber) high = middle;
            else low = middle + 1;
        }
        return _inForce(policyId, low);
    }

    // ---- internals ----

    function _configure(Settings memory settings_) private {
        bool roles = settings_.requiredRoles >= MIN_ROLES && settings_.requiredRoles <= Roles.APPROVER_ROLES;
        bool delays = settings_.timeLock <= MAX_DELAY && settings_.lifetime <= MAX_DELAY;
        bool reachable = settings_.lifetime == 0 || settings_.lifetime > settings_.timeLock;
        if (!roles || !delays || !reachable) {
            revert BadSettings(settings_.requiredRoles, settings_.timeLock, settings_.lifetime);
        }
        settings = settings_;
        emit SettingsChanged(settings_.requiredRoles, settings_.timeLock, settings_.lifetime, msg.sender);
    }

    function _addPolicy(string calldata path) private returns (bytes32 policyId) {
        policyId = keccak256(bytes(path));
        if (bytes(_policies[policyId].path).length == 0) {
            if (!PolicyPath.isValid(path)) revert BadPath(path);
            _policies[policyId].path = path;
            _policyIds.push(policyId);
            emit PolicyAdded(policyId, path);
        }
    }

    function _addApproval(bytes32 proposalId, bytes32 role) private {
        Approval[] storage approvals = _approvals[proposalId];
        for (uint256 i = 0; i < approvals.length; ++i) {
            Approval storage a = approvals[i];
            if (a.account == msg.sender) revert AlreadyApproved(proposalId, a.account, a.role);
            if (a.role == role && hasRole(role, a.account)) revert RoleAlreadyApproved(proposalId, role, a.account);
        }
        approvals.push(Approval({role: role, account: msg.sender, time: uint64(block.timestamp)}));
    }

    function _record(Policy storage policy, bytes32 proposalId, uint32 previous, bool isRollback)
        private
        returns (uint64 number)
    {
        number = ++epoch;
        policy.history.push(
            Activation({
                proposalId: proposalId,
                blockNumber: uint64(block.number),
                time: uint64(block.timestamp),
                epoch: number,
                previous: previous,
                isRollback: isRollback
            })
        );
    }

    function _endCanary(bytes32 policyId) private {
        bytes32 running = _policies[policyId].canary;
        if (running == 0) return;
        Proposal storage p = _proposals[running];
        _policies[policyId].canary = 0;
        p.state = State.Approved;
        p.canaryPercent = 0;
        emit CanaryStopped(policyId, p.version, running, msg.sender);
    }

    function _checkCode(address policyContract, bytes32 codeHash) private view {
        bytes32 actual = policyContract.codehash;
        // An account without code has the hash of nothing, and one that does not exist has zero: neither is a policy.
        if (policyContract.code.length == 0 || actual != codeHash) {
            revert CodeHashMismatch(policyContract, codeHash, actual);
        }
    }

    function _checkNoLiveProposal(bytes32 proposalId) private view {
        Proposal storage p = _proposals[proposalId];
        if (p.state == State.Active) revert AlreadyActive(proposalId);
        bool pending = p.state == State.Proposed || p.state == State.Approved || p.state == State.Canary;
        if (pending && !_expired(p)) revert AlreadyProposed(proposalId);
    }

    function _expired(Proposal storage p) private view returns (bool) {
        return p.expiresAt != 0 && block.timestamp >= p.expiresAt;
    }

    /// @dev Proposed, Approved or Canary.
    function _pending(bytes32 proposalId) private view returns (Proposal storage p) {
        p = _proposals[proposalId];
        if (p.state == State.None) revert NoSuchProposal(proposalId);
        if (p.state != State.Proposed && p.state != State.Approved && p.state != State.Canary) {
            revert WrongState(proposalId, p.state);
        }
    }

    /// @dev Pending and not expired.
    function _live(bytes32 proposalId) private view returns (Proposal storage p) {
        p = _pending(proposalId);
        if (_expired(p)) revert ProposalExpired(proposalId, p.expiresAt);
    }

    /// @dev All that activation and canary ask for.
    function _ready(bytes32 proposalId) private view returns (Proposal storage p) {
        p = _live(proposalId);
        uint256 count = _countApprovals(proposalId);
        if (count < p.requiredRoles) revert NotEnoughApprovals(proposalId, count, p.requiredRoles);
        if (p.unlocksAt == 0) revert WrongState(proposalId, p.state);
        if (block.timestamp < p.unlocksAt) revert TimeLocked(proposalId, p.unlocksAt, uint64(block.timestamp));
        _checkCode(p.policyContract, p.codeHash);
    }

    /// @dev Distinct roles whose approving account still holds the role. Accounts are distinct by construction. At most
    /// one approval per role counts, because a second is only taken when the first no longer does; if that account is
    /// given its role back, both stand, so roles are counted, not approvals.
    function _countApprovals(bytes32 proposalId) private view returns (uint256 count) {
        Approval[] storage approvals = _approvals[proposalId];
        bool security;
        bool platform;
        bool compliance;
        for (uint256 i = 0; i < approvals.length; ++i) {
            bytes32 role = approvals[i].role;
            if (!hasRole(role, approvals[i].account)) continue;
            if (role == Roles.SECURITY) security = true;
            else if (role == Roles.PLATFORM) platform = true;
            else compliance = true;
        }
        return (security ? 1 : 0) + (platform ? 1 : 0) + (compliance ? 1 : 0);
    }

    function _isApprover(address account) private view returns (bool) {
        return hasRole(Roles.SECURITY, account) || hasRole(Roles.PLATFORM, account)
            || hasRole(Roles.COMPLIANCE, account);
    }

    /// @dev `number` counts from 1; 0 is "none".
    function _inForce(bytes32 policyId, uint256 number) private view returns (InForce memory result) {
        if (number == 0) return result;
        Activation storage a = _policies[policyId].history[number - 1];
        Proposal storage p = _proposals[a.proposalId];
        result = InForce({
            proposalId: a.proposalId,
            version: p.version,
            codeHash: p.codeHash,
            policyContract: p.policyContract,
            blockNumber: a.blockNumber,
            time: a.time,
            epoch: a.epoch,
            isRollback: a.isRollback,
            uri: p.uri
        });
    }

    function _page(bytes32[] storage all, uint256 offset, uint256 limit) private view returns (bytes32[] memory page) {
        uint256 left = offset < all.length ? all.length - offset : 0;
        page = new bytes32[](left < limit ? left : limit);
        for (uint256 i = 0; i < page.length; ++i) {
            page[i] = all[offset + i];
        }
    }
}
