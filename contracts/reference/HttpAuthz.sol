// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import { Text } from "reference/Text.sol";

/// @title The rule `allow` of policies/http/authz by hand
contract HttpAuthz {
    struct User {
        string id;
        string[] roles;
        bool suspended;
        bool mfa;
        string tenant;
    }

    struct Resource {
        string owner;
        string tenant;
    }

    struct Input {
        string method;
        string[] path;
        User user;
        Resource resource;
    }

    struct Grant {
        string collection;
        string[] actions;
    }

    struct Role {
        string name;
        Grant[] grants;
    }

    struct Method {
        string method;
        string action;
    }

    struct Data {
        Role[] roles;
        Method[] methods;
    }

    bytes32 private constant GET = keccak256("GET");
    bytes32 private constant USERS = keccak256("users");
    bytes32 private constant LIST = keccak256("list");
    bytes32 private constant READ = keccak256("read");
    bytes32 private constant CREATE = keccak256("create");
    bytes32 private constant UPDATE = keccak256("update");
    bytes32 private constant DELETE = keccak256("delete");

    /// @notice Whether a role or ownership grants the request and nothing denies it. Names are unique.
    function evaluate(Input calldata input, Data calldata data) external pure returns (bool) {
        User calldata user = input.user;
        if (user.suspended || !Text.same(input.resource.tenant, user.tenant)) return false;
        bytes32 action = _action(input, data.methods);
        if (action == 0) return false;
        bool changes = action == UPDATE || action == DELETE;
        string[] calldata path = input.path;
        if (path.length > 0 && !user.mfa && (changes || action == CREATE)) {
            if (keccak256(bytes(path[0])) == USERS) return false;
        }
        if ((changes || action == READ) && Text.same(user.id, input.resource.owner)) return true;
        return path.length > 0 && _granted(user.roles, path[0], action, data.roles);
    }

    /// @dev The hash of what the request does; zero if the method is unknown.
    function _action(Input calldata input, Method[] calldata methods) private pure returns (bytes32) {
        bytes32 method = keccak256(bytes(input.method));
        if (method == GET && input.path.length == 1) return LIST;
        for (uint256 i = 0; i < methods.length; ++i) {
            if (keccak256(bytes(methods[i].method)) == method) return keccak256(bytes(methods[i].action));
        }
        return 0;
    }

    function _granted(
        string[] calldata names,
        string calldata collection,
        bytes32 action,
        Role[] calldata roles
    ) private pure returns (bool) {
        for (uint256 i = 0; i < names.length; ++i) {
            for (uint256 j = 0; j < roles.length; ++j) {
                if (!Text.same(roles[j].name, names[i])) continue;
                if (_grants(roles[j].grants, collection, action)) return true;
                break;
            }
        }
        return false;
    }

    function _grants(Grant[] calldata grants, string calldata collection, bytes32 action)
        private
        pure
        returns (bool)
    {
        for (uint256 i = 0; i < grants.length; ++i) {
            if (!Text.same(grants[i].collection, collection)) continue;
            string[] calldata actions = grants[i].actions;
            for (uint256 j = 0; j < actions.length; ++j) {
                if (keccak256(bytes(actions[j])) == action) return true;
            }
            return false;
        }
        return false;
    }
}
