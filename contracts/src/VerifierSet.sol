// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title A set of accounts kept as the code of a contract, and the check that members of it signed a digest
/// @notice Reading a role of each signer costs 2,100 gas a signer. Code is read whole for 2,600 gas, so a changed set is
/// written as a new contract, which happens seldom, and read at once, which happens with every signed anchor.
///
/// A store is STOP, so that nobody can run it, and then the members, 20 bytes each, in ascending order. The zero address
/// stands for the empty set. A contract's code has at most 24,576 bytes (EIP-170), which bounds the set.
library VerifierSet {
    /// @notice An ECDSA signature over secp256k1 in the compact form of EIP-2098: the parity of the point's y is the
    /// highest bit of the second word, s the others.
    struct Signature {
        bytes32 r;
        bytes32 yParityAndS;
    }

    /// @dev Half of the order of secp256k1, rounded down: s must not be above it, or each signature would have a second form.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    uint256 private constant PARITY = 1 << 255;
    uint256 private constant MEMBER = 20;
    /// @dev What fits behind the STOP.
    uint256 private constant MAX_MEMBERS = (24_576 - 1) / MEMBER;

    /// @notice the set is full: a contract's code holds no more members
    error TooManyVerifiers(uint256 max);
    /// @notice the set can't be written, because gas ran out or the chain takes only shorter code
    error VerifiersNotStored();
    /// @notice a signature does not verify: s is above half of the order, or nobody's key made it
    error BadSignature(uint256 index);
    /// @notice the signer is not a verifier, or acts, or acted, for the node itself
    error NotAVerifier(uint256 index, address signer);
    /// @notice signatures must be sorted by signer, each signer once
    error SignersNotAscending(uint256 index, address previous, address signer);

    /// @notice Reverts unless every signature over `digest` is by another member than `node` and `operator`, in ascending
    /// order of the signers, which makes them distinct. Returns the signers.
    function check(
        address store,
        bytes32 digest,
        Signature[] calldata signatures,
        address node,
        address operator
    ) internal view returns (address[] memory signers) {
        bytes memory members = load(store);
        signers = new address[](signatures.length);
        uint256 place = 0;
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = _signer(digest, signatures[i]);
            if (signer == address(0)) revert BadSignature(i);
            if (signer <= previous) revert SignersNotAscending(i, previous, signer);
            bool found;
            // Both ascend, so each member is looked at once.
            (place, found) = _seek(members, place, signer);
            if (signer == node || signer == operator || !found) revert NotAVerifier(i, signer);
            signers[i] = signer;
            previous = signer;
        }
    }

    /// @notice A store with the members of another one and the account, which is none of them yet.
    function insert(address store, address account) internal returns (address) {
        bytes memory members = load(store);
        // Before `create`, which would take nearly all gas and say nothing.
        if (members.length >= MAX_MEMBERS * MEMBER) revert TooManyVerifiers(MAX_MEMBERS);
        (uint256 place,) = _seek(members, 0, account);
        bytes memory longer = new bytes(members.length + MEMBER);
        assembly ("memory-safe") {
            let from := add(members, 32)
            let to := add(longer, 32)
            mcopy(to, from, place)
            // Writes 12 bytes behind the account too: the next copy covers them, or they are behind the array and free.
            mstore(add(to, place), shl(96, account))
            mcopy(add(add(to, place), MEMBER), add(from, place), sub(mload(members), place))
        }
        return _write(longer);
    }

    /// @notice A store with the members of another one but the account, which is one of them.
    function remove(address store, address account) internal returns (address) {
        bytes memory members = load(store);
        (uint256 place, bool found) = _seek(members, 0, account);
        assert(found);
        uint256 length = members.length - MEMBER;
        if (length == 0) return address(0);
        assembly ("memory-safe") {
            let gap := add(add(members, 32), place)
            mcopy(gap, add(gap, MEMBER), sub(length, place))
            mstore(members, length)
        }
        return _write(members);
    }

    /// @notice The members, 20 bytes each, in ascending order.
    function load(address store) internal view returns (bytes memory members) {
        if (store == address(0)) return members;
        members = new bytes(store.code.length - 1);
        assembly ("memory-safe") {
            extcodecopy(store, add(members, 32), 1, mload(members))
        }
    }

    /// @dev The offset of the first member from `place` on that is not below the account, and whether it is the account.
    function _seek(bytes memory members, uint256 place, address account)
        private
        pure
        returns (uint256, bool found)
    {
        assembly ("memory-safe") {
            account := shr(96, shl(96, account))
            let end := mload(members)
            let first := add(members, 32)
            for {} lt(place, end) { place := add(place, MEMBER) } {
                let member := shr(96, mload(add(first, place)))
                if iszero(lt(member, account)) {
                    found := eq(member, account)
                    break
                }
            }
        }
        return (place, found);
    }

    /// @dev Zero for a signature of nobody and for one in its second form.
    function _signer(bytes32 digest, Signature calldata signature) private pure returns (address) {
        uint256 word = uint256(signature.yParityAndS);
        uint256 s = word & ~PARITY;
        if (s > HALF_ORDER) return address(0);
        return ecrecover(digest, uint8(27 + (word >> 255)), signature.r, bytes32(s));
    }

    /// @dev Code is the cheapest storage.
    function _write(bytes memory members) private returns (address store) {
        // At most 24,576 bytes: `insert` sees to it.
        bytes memory code = abi.encodePacked(hex"61", uint16(members.length + 1), hex"80600a5f395ff3", hex"00", members);
        assembly ("memory-safe") {
            store := create(0, add(code, 32), mload(code))
        }
        if (store == address(0)) revert VerifiersNotStored();
    }
}
