// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title RFC 6962 Merkle trees with SHA-256
/// @notice Leaf and node hashes (RFC 6962 section 2.1) and the verification of inclusion and consistency proofs
/// (RFC 9162 sections 2.1.3.2 and 2.1.4.2). Hashing uses the SHA-256 precompile at address 2 from memory above the
/// free memory pointer, so that a proof step costs a few hundred gas and memory does not grow with the proof.
/// @dev Every function answers false for a proof that does not fit, whatever its length; none reverts on bad proofs.
library RFC6962 {
    /// @notice The SHA-256 precompile failed, which it does only when gas runs out.
    error Sha256Failed();

    /// @notice Hash of a leaf: SHA-256(0x00 || data).
    function leafHash(bytes memory data) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), data));
    }

    /// @notice Hash of an inner node: SHA-256(0x01 || left || right).
    function nodeHash(bytes32 left, bytes32 right) internal view returns (bytes32 hash) {
        bool ok;
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            mstore8(buffer, 1)
            mstore(add(buffer, 1), left)
            mstore(add(buffer, 33), right)
            ok := staticcall(gas(), 2, buffer, 65, 0, 32)
            // A call to an address without code would "succeed" too; the precompile always returns one word.
            ok := and(ok, eq(returndatasize(), 32))
            hash := mload(0)
        }
        if (!ok) revert Sha256Failed();
    }

    /// @notice Whether `leaf` is the leaf hash at `index` in the tree of `size` leaves with `root`.
    function verifyInclusion(bytes32 root, uint64 size, uint64 index, bytes32 leaf, bytes32[] calldata proof)
        internal
        view
        returns (bool)
    {
        (bool fits, bytes32 computed) = rootOfInclusion(size, index, leaf, proof);
        return fits && computed == root;
    }

    /// @notice The root that the audit path `proof` leads to from the leaf hash at `index` of a tree of `size` leaves;
    /// `fits` is false when the path has another length than such a tree's.
    function rootOfInclusion(uint64 size, uint64 index, bytes32 leaf, bytes32[] calldata proof)
        internal
        view
        returns (bool fits, bytes32 hash)
    {
        if (index >= size) return (false, 0);
        uint64 node = index;
        uint64 last = size - 1;
        hash = leaf;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (last == 0) return (false, 0);
            if (node & 1 == 1 || node == last) {
                hash = nodeHash(proof[i], hash);
                while (node & 1 == 0 && node != 0) {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                hash = nodeHash(hash, proof[i]);
            }
            node >>= 1;
            last >>= 1;
        }
        fits = last == 0;
    }

    /// @notice Whether the tree (`newSize`, `newRoot`) extends the tree (`oldSize`, `oldRoot`) without changing it.
    /// Equal sizes need equal roots and an empty proof. A proof from the empty tree does not exist: `oldSize` 0 is false.
    function verifyConsistency(
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) internal view returns (bool) {
        if (oldSize == 0 || newSize < oldSize) return false;
        if (oldSize == newSize) return proof.length == 0 && oldRoot == newRoot;
        if (proof.length == 0) return false;

        uint64 node = oldSize - 1;
        uint64 last = newSize - 1;
        while (node & 1 == 1) {
            node >>= 1;
            last >>= 1;
        }
        // When the old tree is complete (node is 0 now), its root is itself the first node of the path.
        bytes32 oldHash;
        uint256 i;
        if (node == 0) {
            oldHash = oldRoot;
        } else {
            oldHash = proof[0];
            i = 1;
        }
        bytes32 newHash = oldHash;
        for (; i < proof.length; ++i) {
            if (last == 0) return false;
            bytes32 sibling = proof[i];
            if (node & 1 == 1 || node == last) {
                oldHash = nodeHash(sibling, oldHash);
                newHash = nodeHash(sibling, newHash);
                while (node & 1 == 0 && node != 0) {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                newHash = nodeHash(newHash, sibling);
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 && oldHash == oldRoot && newHash == newRoot;
    }
}
