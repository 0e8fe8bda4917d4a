// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import { Text } from "reference/Text.sol";

/// @title kubernetes_pod.rego by hand
contract KubernetesPod {
    struct Container {
        string name;
        string image;
        bool privileged;
        // Empty where the pod has none.
        string cpuLimit;
        string memoryLimit;
    }

    struct Label {
        string key;
        string value;
    }

    struct Input {
        string kind;
        Label[] labels;
        bool hostNetwork;
        Container[] containers;
    }

    bytes32 private constant POD = keccak256("Pod");
    bytes32 private constant OWNER = keccak256("owner");

    /// @notice The messages of what is wrong with a pod, each once.
    function evaluate(Input calldata input) external pure returns (string[] memory found) {
        if (keccak256(bytes(input.kind)) != POD) return found;
        Container[] calldata containers = input.containers;
        found = new string[](4 * containers.length + 2);
        uint256 count = 0;
        if (!_hasOwner(input.labels)) found[count++] = "pod must carry an owner label";
        if (input.hostNetwork) found[count++] = "pod must not use the host network";
        for (uint256 i = 0; i < containers.length; ++i) {
            count = _container(containers[i], found, count);
        }
        Text.trim(found, count);
    }

    function _container(Container calldata container, string[] memory found, uint256 count)
        private
        pure
        returns (uint256)
    {
        string calldata name = container.name;
        if (!_trusted(container.image)) {
            count = Text.add(
                found,
                count,
                string.concat("container ", name, " uses an image from an untrusted registry: ", container.image)
            );
        }
        if (container.privileged) {
            count = Text.add(found, count, string.concat("container ", name, " must not run privileged"));
        }
        if (bytes(container.cpuLimit).length == 0) {
            count = Text.add(found, count, string.concat("container ", name, " has no cpu limit"));
        }
        if (bytes(container.memoryLimit).length == 0) {
            count = Text.add(found, count, string.concat("container ", name, " has no memory limit"));
        }
        return count;
    }

    function _hasOwner(Label[] calldata labels) private pure returns (bool) {
        for (uint256 i = 0; i < labels.length; ++i) {
            if (keccak256(bytes(labels[i].key)) == OWNER) return true;
        }
        return false;
    }

    function _trusted(string calldata image) private pure returns (bool) {
        return Text.startsWith(image, "registry.corp.example/", 22)
            || Text.startsWith(image, "mirror.corp.example/", 20);
    }
}
