//! ECDSA on P-521 as RFC 6979 says: the crate that has the curve takes chance instead, so it is given the number.

use aws_lc_rs::hmac;
use num_bigint::BigUint;
use num_traits::Zero as _;
use p521::ecdsa::signature::hazmat::RandomizedPrehashSigner as _;
use p521::ecdsa::signature::rand_core;

/// The bytes of a number below the curve's order.
const SIZE: usize = 66;
/// How many of the 1,024 bits of two blocks are beyond the 521 of the order.
const EXCESS: u32 = 503;
/// The order of the curve (SEC 2 section 2.6.1).
const ORDER: &str = "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409";

/// Gives out one number, again and again.
struct Nonce([u8; SIZE]);

impl rand_core::RngCore for Nonce {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, target: &mut [u8]) {
        for (to, from) in target.iter_mut().zip(self.0) {
            *to = from;
        }
    }

    fn try_fill_bytes(&mut self, target: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(target);
        Ok(())
    }
}

impl rand_core::CryptoRng for Nonce {}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, key), &parts.concat())
        .as_ref()
        .to_vec()
}

fn padded(number: &BigUint) -> Option<[u8; SIZE]> {
    let digits = number.to_bytes_be();
    let mut padded = [0; SIZE];
    let start = SIZE.checked_sub(digits.len())?;
    padded.get_mut(start..)?.copy_from_slice(&digits);
    Some(padded)
}

/// The number for a signature (RFC 6979 section 3.2).
fn nonce(secret: &[u8], digest: &[u8]) -> Option<Nonce> {
    let order = BigUint::parse_bytes(ORDER.as_bytes(), 16)?;
    // No digest has more than 512 bits, so none is cut or reduced.
    let hash = padded(&BigUint::from_bytes_be(digest))?;
    let (mut key, mut value) = (vec![0; 64], vec![1; 64]);
    for step in [0_u8, 1] {
        key = mac(&key, &[&value, &[step], secret, &hash]);
        value = mac(&key, &[&value]);
    }
    loop {
        let first = mac(&key, &[&value]);
        value = mac(&key, &[&first]);
        #[expect(
            clippy::arithmetic_side_effects,
            reason = "a number of any size, shifted to the right"
        )]
        let candidate = BigUint::from_bytes_be(&[first, value.clone()].concat()) >> EXCESS;
        if !candidate.is_zero() && candidate < order {
            return padded(&candidate).map(Nonce);
        }
        key = mac(&key, &[&value, &[0]]);
        value = mac(&key, &[&value]);
    }
}

/// Signs a digest of at most 512 bits; both numbers at full length.
pub(super) fn sign(secret: &[u8], digest: &[u8]) -> Option<Vec<u8>> {
    let key = p521::ecdsa::SigningKey::from_slice(secret).ok()?;
    let signature: p521::ecdsa::Signature = key
        .sign_prehash_with_rng(&mut nonce(secret, digest)?, digest)
        .ok()?;
    Some(signature.to_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::super::scheme::Hash;

    #[test]
    fn rfc_6979_a_2_7() {
        let secret = hex::decode("00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538").unwrap();
        let signature = super::sign(&secret, Hash::Sha512.digest(b"sample").as_ref()).unwrap();
        let want = "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A";
        assert_eq!(hex::encode_upper(signature), want);
    }
}
