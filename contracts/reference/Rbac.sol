// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import { Text } from "reference/Text.sol";

/// @title rbac.rego by hand
contract Rbac {
    struct Permission {
        string action;
        string resource;
    }

    struct Role {
        string name;
        Permission[] permissions;
    }

    struct User {
        string name;
        string[] roles;
    }

    struct Data {
        Role[] roles;
        User[] users;
    }

    struct Input {
        string user;
        string action;
        string resource;
    }

    /// @notice Whether one of the user's roles permits the action on the resource. Names are unique.
    function evaluate(Input calldata input, Data calldata data) external pure returns (bool) {
        User[] calldata users = data.users;
        for (uint256 i = 0; i < users.length; ++i) {
            if (Text.same(users[i].name, input.user)) return _any(users[i].roles, input, data.roles);
        }
        return false;
    }

    function _any(string[] calldata names, Input calldata input, Role[] calldata roles)
        private
        pure
        returns (bool)
    {
        for (uint256 i = 0; i < names.length; ++i) {
            for (uint256 j = 0; j < roles.length; ++j) {
                if (!Text.same(roles[j].name, names[i])) continue;
                if (_permits(roles[j].permissions, input)) return true;
                break;
            }
        }
        return false;
    }

    function _permits(Permission[] calldata permissions, Input calldata input) private pure returns (bool) {
        for (uint256 i = 0; i < permissions.length; ++i) {
            Permission calldata permission = permissions[i];
            if (Text.same(permission.action, input.action) && Text.same(permission.resource, input.resource)) {
                return true;
            }
        }
        return false;
    }
}
