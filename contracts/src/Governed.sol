// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {AccessControlEnumerable} from "@openzeppelin/contracts/access/extensions/AccessControlEnumerable.sol";
import {Roles} from "./Roles.sol";

/// @title What every governance contract shares
/// @notice Roles and succession. The contracts are not upgradeable: a new deployment names its predecessor when it is
/// created, and takes over once the predecessor's admin names it as successor. From then on the old contract refuses
/// new business, while everything it recorded stays readable for ever.
abstract contract Governed is AccessControlEnumerable {
    /// @notice A role given to an account when the contract is created.
    struct Grant {
        bytes32 role;
        address account;
    }

    /// @notice The contract this one replaces; zero for the first of its line.
    address public immutable predecessor;

    /// @notice The contract that replaced this one; zero while this one is in force.
    address public successor;

    /// @notice This contract was replaced by `successor` and takes no new business.
    event SupersededBy(address indexed successor, address indexed by);

    /// @notice at least one account must hold the admin role
    error NoAdmin();
    /// @notice the last admin can't be removed, because nobody could govern the contract afterwards
    error LastAdmin(address account);
    /// @notice a role can't be given to the zero address
    error ZeroAccount(bytes32 role);
    /// @notice the predecessor is not a contract
    error PredecessorWithoutCode(address predecessor);
    /// @notice the candidate does not name this contract as its predecessor
    error NotASuccessor(address candidate);
    /// @notice this contract was replaced; use its successor
    error Superseded(address successor);

    /// @dev Entry points that create new business carry this; those that only protect (suspend) do not.
    modifier inForce() {
        if (successor != address(0)) revert Superseded(successor);
        _;
    }

    constructor(Grant[] memory grants, address predecessor_) {
        if (predecessor_ != address(0) && predecessor_.code.length == 0) revert PredecessorWithoutCode(predecessor_);
        predecessor = predecessor_;
        for (uint256 i = 0; i < grants.length; ++i) {
            if (grants[i].account == address(0)) revert ZeroAccount(grants[i].role);
            _grantRole(grants[i].role, grants[i].account);
        }
        if (getRoleMemberCount(Roles.ADMIN) == 0) revert NoAdmin();
    }

    /// @notice Names the contract that takes over and closes this one for new business. Irrevocable.
    /// Caller: ADMIN. The candidate must name this contract as its predecessor.
    function supersede(address candidate) external onlyRole(Roles.ADMIN) inForce {
        if (candidate.code.length == 0 || Governed(candidate).predecessor() != address(this)) {
            revert NotASuccessor(candidate);
        }
        successor = candidate;
        emit SupersededBy(candidate, msg.sender);
    }

    /// @dev Refuses to remove the last admin, whether by revocation or by renunciation.
    function _revokeRole(bytes32 role, address account) internal virtual override returns (bool) {
        if (role == Roles.ADMIN && hasRole(role, account) && getRoleMemberCount(role) == 1) revert LastAdmin(account);
        return super._revokeRole(role, account);
    }
}
