// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {CanonicalValue} from "../CanonicalValue.sol";
import {Enforcer} from "../Enforcer.sol";

/// @title Example: a treasury that pays only what policy allows
/// @notice The contract knows no limits, payees or signers: the policy does, and changes by governance. The input says
/// what the contract itself knows, never what a caller claims of it:
/// `{"amount_wei", "caller", "paid_today_wei", "purpose", "to"}`, with addresses in lower case.
contract Treasury {
    /// @notice Where policies are enforced.
    Enforcer public immutable enforcer;
    /// @notice The policy: keccak256 of its path.
    bytes32 public immutable policyId;
    /// @notice Wei paid on a day (days since 1970, UTC).
    mapping(uint256 day => uint256 wei_) public paidOn;

    /// @notice A payment was made under a version of the policy.
    event Paid(address indexed to, uint256 amount, address indexed by, bytes32 indexed version, string purpose);

    /// @notice the receiver did not take the money
    error PaymentFailed(address to);

    constructor(Enforcer enforcer_, bytes32 policyId_) {
        enforcer = enforcer_;
        policyId = policyId_;
    }

    /// @notice Takes money. Caller: anyone.
    receive() external payable {}

    /// @notice Pays, if policy allows it. Reverts with the violations otherwise. Caller: whoever policy allows to.
    function pay(address payable to, uint256 amount, string calldata purpose) external {
        uint256 day = block.timestamp / 1 days;
        bytes32 version = enforcer.enforce(policyId, inputOf(msg.sender, to, amount, purpose));
        // Before the money leaves: the receiver may call back.
        paidOn[day] += amount;
        emit Paid(to, amount, msg.sender, version, purpose);
        (bool paid,) = to.call{value: amount}("");
        if (!paid) revert PaymentFailed(to);
    }

    /// @notice The input that a payment is judged by now. Caller: anyone.
    function inputOf(address caller, address to, uint256 amount, string calldata purpose)
        public
        view
        returns (bytes memory)
    {
        string[] memory keys = new string[](5);
        bytes[] memory values = new bytes[](5);
        (keys[0], values[0]) = ("amount_wei", _amount(amount));
        (keys[1], values[1]) = ("caller", CanonicalValue.text(Strings.toHexString(caller)));
        (keys[2], values[2]) = ("paid_today_wei", _amount(paidOn[block.timestamp / 1 days]));
        (keys[3], values[3]) = ("purpose", CanonicalValue.text(purpose));
        (keys[4], values[4]) = ("to", CanonicalValue.text(Strings.toHexString(to)));
        return CanonicalValue.object(keys, values);
    }

    /// @dev There are about 10^26 wei; what leaves the encoding's range reverts rather than turning negative.
    function _amount(uint256 amount) private pure returns (bytes memory) {
        return CanonicalValue.number(int256(amount > uint256(type(int256).max) ? uint256(type(int256).max) : amount));
    }
}
