// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import { Text } from "reference/Text.sol";

/// @title The rule `deny` of policies/supply_chain/image by hand
contract ImageProvenance {
    struct Attestation {
        string predicateType;
        string builder;
    }

    struct Image {
        string ref;
        Attestation[] attestations;
    }

    struct Data {
        string[] trustedRegistries;
        string[] trustedBuilders;
        string[] sbomPredicates;
    }

    struct Finding {
        string id;
        string msg;
        string resource;
    }

    bytes32 private constant DOCKER_HUB = keccak256("docker.io");
    bytes32 private constant LOCALHOST = keccak256("localhost");

    /// @notice What is wrong with the images, each finding once.
    function evaluate(Image[] calldata images, Data calldata data) external pure returns (Finding[] memory found) {
        found = new Finding[](4 * images.length);
        uint256 count = 0;
        for (uint256 i = 0; i < images.length; ++i) {
            count = _image(images[i], data, found, count);
        }
        assembly ("memory-safe") {
            mstore(found, count)
        }
    }

    function _image(Image calldata image, Data calldata data, Finding[] memory found, uint256 count)
        private
        pure
        returns (uint256)
    {
        string calldata ref = image.ref;
        (bool trusted, string memory registry) = _registry(ref, data.trustedRegistries);
        if (!trusted) {
            string memory text = string.concat("image ", ref, " comes from the untrusted registry ", registry);
            count = _add(found, count, "supply_chain/image/registry", text, ref);
        }
        if (!_pinned(bytes(ref))) {
            string memory text = string.concat("image ", ref, " is not pinned by a SHA-256 digest");
            count = _add(found, count, "supply_chain/image/digest", text, ref);
        }
        (bool sbom, bool provenance) = _attested(image.attestations, data);
        if (!sbom) {
            string memory text = string.concat("image ", ref, " has no SBOM attestation");
            count = _add(found, count, "supply_chain/image/sbom", text, ref);
        }
        if (!provenance) {
            string memory text = string.concat("image ", ref, " has no SLSA provenance from a trusted builder");
            count = _add(found, count, "supply_chain/image/provenance", text, ref);
        }
        return count;
    }

    /// @dev The messages name the resource and differ between rules, so they tell findings apart.
    function _add(
        Finding[] memory found,
        uint256 count,
        string memory id,
        string memory msg_,
        string calldata resource
    ) private pure returns (uint256) {
        bytes32 hash = keccak256(bytes(msg_));
        for (uint256 i = 0; i < count; ++i) {
            if (keccak256(bytes(found[i].msg)) == hash) return count;
        }
        found[count] = Finding(id, msg_, resource);
        return count + 1;
    }

    /// @dev The part before the first slash if it looks like a host; otherwise Docker Hub is meant.
    function _registry(string calldata ref, string[] calldata trusted)
        private
        pure
        returns (bool isTrusted, string memory name)
    {
        bytes calldata text = bytes(ref);
        bool dotted = false;
        uint256 end = 0;
        for (; end < text.length; ++end) {
            bytes1 c = text[end];
            if (c == "/") break;
            if (c == "." || c == ":") dotted = true;
        }
        bytes32 hash = DOCKER_HUB;
        name = "docker.io";
        if (end < text.length && (dotted || keccak256(text[:end]) == LOCALHOST)) {
            hash = keccak256(text[:end]);
            name = string(text[:end]);
        }
        for (uint256 i = 0; i < trusted.length; ++i) {
            if (keccak256(bytes(trusted[i])) == hash) return (true, name);
        }
    }

    /// @dev Ends in "@sha256:" and 64 hexadecimal digits, and has no other "@".
    function _pinned(bytes calldata text) private pure returns (bool) {
        if (text.length < 72) return false;
        uint256 start = text.length - 72;
        if (bytes8(text[start:start + 8]) != "@sha256:") return false;
        for (uint256 i = start + 8; i < text.length; ++i) {
            bytes1 c = text[i];
            if (!((c >= "0" && c <= "9") || (c >= "a" && c <= "f"))) return false;
        }
        for (uint256 i = 0; i < start; ++i) {
            if (text[i] == "@") return false;
        }
        return true;
    }

    function _attested(Attestation[] calldata attestations, Data calldata data)
        private
        pure
        returns (bool sbom, bool provenance)
    {
        for (uint256 i = 0; i < attestations.length; ++i) {
            Attestation calldata attestation = attestations[i];
            if (!sbom) sbom = Text.contains(data.sbomPredicates, attestation.predicateType);
            if (!provenance && Text.startsWith(attestation.predicateType, "https://slsa.dev/provenance/", 28)) {
                provenance = Text.contains(data.trustedBuilders, attestation.builder);
            }
        }
    }
}
