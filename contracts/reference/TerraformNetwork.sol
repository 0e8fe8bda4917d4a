// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import { Text } from "reference/Text.sol";

/// @title terraform_network.rego by hand
contract TerraformNetwork {
    struct Rule {
        string[] cidrBlocks;
        string[] ipv6CidrBlocks;
        int256 fromPort;
        int256 toPort;
        string protocol;
    }

    struct Change {
        string resourceAddress;
        string kind;
        string[] actions;
        Rule[] ingress;
        bool publiclyAccessible;
    }

    bytes32 private constant SECURITY_GROUP = keccak256("aws_security_group");
    bytes32 private constant DATABASE = keccak256("aws_db_instance");
    bytes32 private constant CREATE = keccak256("create");
    bytes32 private constant UPDATE = keccak256("update");
    bytes32 private constant EVERYONE = keccak256("0.0.0.0/0");
    bytes32 private constant EVERYONE_IPV6 = keccak256("::/0");
    bytes32 private constant ANY_PROTOCOL = keccak256("-1");

    /// @notice The messages of what a plan would expose, each once.
    function evaluate(Change[] calldata changes) external pure returns (string[] memory found) {
        found = new string[](2 * changes.length);
        uint256 count = 0;
        for (uint256 i = 0; i < changes.length; ++i) {
            Change calldata change = changes[i];
            if (!_applies(change.actions)) continue;
            bytes32 kind = keccak256(bytes(change.kind));
            if (kind == SECURITY_GROUP) {
                count = _ports(change, found, count);
            } else if (kind == DATABASE && change.publiclyAccessible) {
                string memory text =
                    string.concat(change.resourceAddress, ": database must not be publicly accessible");
                count = Text.add(found, count, text);
            }
        }
        Text.trim(found, count);
    }

    function _ports(Change calldata change, string[] memory found, uint256 count)
        private
        pure
        returns (uint256)
    {
        Rule[] calldata rules = change.ingress;
        (bool ssh, bool rdp) = (false, false);
        for (uint256 i = 0; i < rules.length; ++i) {
            Rule calldata rule = rules[i];
            if (!_holds(rule.cidrBlocks, EVERYONE) && !_holds(rule.ipv6CidrBlocks, EVERYONE_IPV6)) continue;
            bool any = keccak256(bytes(rule.protocol)) == ANY_PROTOCOL;
            ssh = ssh || any || (rule.fromPort <= 22 && rule.toPort >= 22);
            rdp = rdp || any || (rule.fromPort <= 3389 && rule.toPort >= 3389);
        }
        if (ssh) {
            string memory text = string.concat(change.resourceAddress, ": SSH (port 22) is open to the world");
            count = Text.add(found, count, text);
        }
        if (rdp) {
            string memory text = string.concat(change.resourceAddress, ": RDP (port 3389) is open to the world");
            count = Text.add(found, count, text);
        }
        return count;
    }

    function _applies(string[] calldata actions) private pure returns (bool) {
        for (uint256 i = 0; i < actions.length; ++i) {
            bytes32 action = keccak256(bytes(actions[i]));
            if (action == CREATE || action == UPDATE) return true;
        }
        return false;
    }

    function _holds(string[] calldata list, bytes32 hash) private pure returns (bool) {
        for (uint256 i = 0; i < list.length; ++i) {
            if (keccak256(bytes(list[i])) == hash) return true;
        }
        return false;
    }
}
