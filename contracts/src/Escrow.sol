// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Money that belongs to accounts until they fetch it
/// @notice Invariant: the contract always holds at least `owed`, and nothing is paid but by `withdraw`, to its caller. So
/// nobody is called while a challenge is settled, and nobody's refusal to be paid can stop one.
abstract contract Escrow {
    /// @notice Wei that belong to somebody: credits that were not withdrawn yet, and deposits of open claims.
    uint256 public owed;
    /// @notice Wei that an account may withdraw.
    mapping(address account => uint256) public credit;

    /// @notice Wei were paid out.
    event Withdrawn(address indexed account, uint256 amount);

    /// @notice there is nothing to withdraw
    error NothingToWithdraw(address account);
    /// @notice the receiver did not take the money
    error PaymentFailed(address account);

    /// @notice Adds to what rewards are paid from. Caller: anyone.
    receive() external payable {}

    /// @notice Pays out the sender's credit. Caller: anyone.
    function withdraw() external {
        uint256 amount = credit[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        credit[msg.sender] = 0;
        owed -= amount;
        emit Withdrawn(msg.sender, amount);
        (bool paid,) = msg.sender.call{value: amount}("");
        if (!paid) revert PaymentFailed(msg.sender);
    }

    /// @dev Credits up to `amount` of what belongs to nobody.
    function _reward(address account, uint256 amount) internal {
        uint256 free = address(this).balance - owed;
        if (amount > free) amount = free;
        if (amount == 0) return;
        owed += amount;
        credit[account] += amount;
    }
}
