// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// What the tests of the embedded node run: one function for each behaviour of the EVM that a node must pass on right.
/// `Probe.json` holds its bytecode; `node tests/js/compile.js` makes it again.
contract Probe {
    event Stored(address indexed by, uint256 indexed slot, uint256 value);
    event Note(string text);

    error Refused(address who, uint256 code);

    mapping(uint256 => uint256) public values;
    uint256 public immutable origin;
    Child public child;

    constructor(uint256 origin_) payable {
        origin = origin_;
        emit Note("made");
    }

    function store(uint256 slot, uint256 value) external {
        values[slot] = value;
        emit Stored(msg.sender, slot, value);
    }

    function storeMany(uint256 from, uint256 count, uint256 value) external {
        for (uint256 i = 0; i < count; i++) values[from + i] = value;
        emit Note("many");
        emit Stored(msg.sender, from, value);
    }

    function failText() external pure {
        revert("no way");
    }

    function failCustom(uint256 code) external view {
        revert Refused(msg.sender, code);
    }

    function failPanic(uint256 by) external pure returns (uint256) {
        return 1 / by;
    }

    function failEmpty() external pure {
        assembly {
            revert(0, 0)
        }
    }

    function failInvalid() external pure {
        assembly {
            invalid()
        }
    }

    function failAfterWork(uint256 slot) external {
        values[slot] = 1;
        emit Stored(msg.sender, slot, 1);
        revert("undone");
    }

    function burn(uint256 rounds) external returns (bytes32 sum) {
        for (uint256 i = 0; i < rounds; i++) sum = keccak256(abi.encode(sum, i));
        values[type(uint256).max] = uint256(sum);
    }

    function makeChild() external payable {
        child = new Child{value: msg.value}();
        emit Stored(address(child), 0, msg.value);
    }

    function endChild(address payable to) external {
        child.end(to);
    }

    function makeAndEnd(address payable to) external payable {
        Child brief = new Child{value: msg.value}();
        brief.end(to);
        emit Stored(address(brief), 1, msg.value);
    }

    function block_() external view returns (uint256, uint256, uint256, uint256, uint256) {
        return (block.number, block.timestamp, block.basefee, block.gaslimit, block.chainid);
    }

    function parentHash() external view returns (bytes32) {
        return blockhash(block.number - 1);
    }

    function cancun(bytes calldata data) external returns (bytes memory copy, uint256 kept) {
        assembly {
            tstore(7, 42)
            kept := tload(7)
        }
        copy = data;
    }

    function sender() external view returns (address) {
        return msg.sender;
    }

    receive() external payable {}
}

contract Child {
    uint256 private filled = 1;

    constructor() payable {}

    function end(address payable to) external {
        selfdestruct(to);
    }
}
