//! Examples of the specifications, and the laws of an order.

use super::*;
use proptest::prelude::*;
use std::cmp::Ordering::{Equal, Greater, Less};

const ALL: [Order; 9] = [
    Order::Semver,
    Order::Pep440,
    Order::Maven,
    Order::NuGet,
    Order::RubyGems,
    Order::Composer,
    Order::Debian,
    Order::Alpine,
    Order::Rpm,
];

/// `a < b = c`: neighbours in a chain.
fn holds(order: Order, chain: &str) {
    let words: Vec<&str> = chain.split_whitespace().collect();
    for triple in words.windows(3).step_by(2) {
        let [left, sign, right] = triple else {
            panic!("{chain}")
        };
        let expected = match *sign {
            "<" => Less,
            "=" => Equal,
            ">" => Greater,
            other => panic!("{other} in {chain}"),
        };
        let [a, b] = [left, right].map(|text| order.parse(text).unwrap());
        assert_eq!(
            a.cmp(&b),
            expected,
            "{order:?}: {left} {sign} {right}: {a:?} {b:?}"
        );
        assert_eq!(b.cmp(&a), expected.reverse(), "{order:?}: {right} {left}");
    }
}

/// None of these is a version.
fn refused(order: Order, texts: &[&str]) {
    for text in texts {
        assert!(order.parse(text).is_err(), "{order:?}: {text}");
    }
}

#[test]
fn semantic_versions() {
    let examples = "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0";
    holds(Order::Semver, examples);
    holds(Order::Semver, "1.0.0 < 2.0.0 < 2.1.0 < 2.1.1");
    holds(Order::Semver, "1.0.0+a = 1.0.0+b = v1.0.0 = 1.0 = 1");
    // Go: <https://go.dev/ref/mod#pseudo-versions>
    holds(
        Order::Semver,
        "v0.0.0-20191109021931-daa7c04131f5 < v0.0.0-20200101000000-000000000000 < v0.1.0",
    );
    holds(
        Order::Semver,
        "v1.2.3 < v1.2.4-0.20191109021931-daa7c04131f5 < v1.2.4 = v1.2.4+incompatible",
    );
    holds(Order::Semver, "1.20 < 1.21rc2 < 1.21.0 < 1.21.3");
    refused(
        Order::Semver,
        &["main", "1.2.3.4", "", "1..2", "workspace:*", "1.2.3-"],
    );
}

#[test]
fn python() {
    let examples = "1.dev0 < 1.0.dev456 < 1.0a1 < 1.0a2.dev456 < 1.0a12.dev456 < 1.0a12 < 1.0b1.dev456 < 1.0b2 < 1.0b2.post345.dev456 < 1.0b2.post345 < 1.0rc1.dev456 < 1.0rc1 < 1.0 < 1.0+abc.5 < 1.0+abc.7 < 1.0+5 < 1.0.post456.dev34 < 1.0.post456 < 1.0.15 < 1.1.dev1";
    holds(Order::Pep440, examples);
    holds(Order::Pep440, "1.0 = 1.0.0 < 1!0.1");
    holds(Order::Pep440, "v1.0-beta.1 = 1.0b1");
    refused(Order::Pep440, &["2004d-final-really"]);
}

#[test]
fn maven() {
    holds(Order::Maven, "1 < 1.1");
    holds(Order::Maven, "1-snapshot < 1 < 1-sp");
    holds(Order::Maven, "1-foo2 < 1-foo10");
    holds(Order::Maven, "1.foo = 1-foo < 1-1 < 1.1");
    holds(Order::Maven, "1.ga = 1-ga = 1-0 = 1.0 = 1");
    holds(Order::Maven, "1-sp > 1-ga");
    holds(Order::Maven, "1-sp.1 > 1-ga.1");
    holds(Order::Maven, "1-sp-1 < 1-ga-1");
    holds(Order::Maven, "1-a1 = 1-alpha-1");
    holds(
        Order::Maven,
        "1.0-alpha-1 < 1.0-beta-1 < 1.0-milestone-1 < 1.0-rc-1 = 1.0-cr1 < 1.0-SNAPSHOT < 1.0 < 1.0-sp < 1.0-whatever < 1.0-1 < 1.0.1",
    );
    holds(Order::Maven, "1.0.0-foo.0.0 = 1-foo < 1.0.0-0.0.1");
    holds(
        Order::Maven,
        "5.3.17.RELEASE < 5.3.18 = 5.3.18.RELEASE < 5.3.18.1",
    );
    holds(Order::Maven, "2.9.10 < 2.9.10.8 < 2.10 < 2.10.0.pr1 < 2.10.1");
    holds(Order::Maven, "1.0.alpha < 1 < 1-sp");
}

#[test]
fn nuget() {
    holds(
        Order::NuGet,
        "1.0.1-alpha.2 < 1.0.1-alpha.10 < 1.0.1-beta < 1.0.1-open < 1.0.1-rc < 1.0.1-rc.2 < 1.0.1-zzz < 1.0.1 = 1.0.1.0 < 1.0.1.1",
    );
    holds(Order::NuGet, "1 = 1.0 = 1.00.0 = 1.0.0+meta < 1.0.00000001");
    holds(Order::NuGet, "1.0.0-Beta = 1.0.0-beta");
    refused(Order::NuGet, &["1.2.3.4.5", "1.0.0-"]);
}

#[test]
fn gems() {
    holds(
        Order::RubyGems,
        "0.9 < 1.0.a.2 < 1.0.b1 < 1.0.rc1 < 1.0 = 1 = 1.0.0 < 1.0.1",
    );
    holds(Order::RubyGems, "5.3.1 > 5.3.1.b.2 > 5.3.1.b.1 > 5.3.0.1");
    holds(Order::RubyGems, "1.0.0-beta = 1.0.0.pre.beta < 1.0.0");
    holds(Order::RubyGems, "1.8.2.a9 < 1.8.2.a10 < 1.8.2 < 1.10");
    refused(Order::RubyGems, &["x1", "1..2"]);
}

#[test]
fn composer() {
    holds(
        Order::Composer,
        "1.0.0-dev < 1.0.0-alpha1 < 1.0.0-alpha.2 < 1.0.0-beta1 < 1.0.0-beta10 < 1.0.0-RC1 < 1.0.0 < 1.0.0-p1 = 1.0.0-patch1 < 1.0.1",
    );
    holds(
        Order::Composer,
        "v1.2 = 1.2.0.0 = 1.2.0+build < 1.2.0.1 < 1.x-dev < 2.0",
    );
    holds(Order::Composer, "1.0.0-beta1-dev < 1.0.0-beta1 < 1.0.0-beta1.1");
    refused(Order::Composer, &["dev-master", "1.2.3.4.5", "1.0-foo", "master"]);
}

#[test]
fn debian() {
    // Policy 5.6.12.1: `~~`, `~~a`, `~`, the empty part, `a`.
    holds(Order::Debian, "1~~ < 1~~a < 1~ < 1 < 1a");
    holds(
        Order::Debian,
        "1.0~beta1~svn1245 < 1.0~beta1 < 1.0 < 1.0-1 < 1.0-1.1 < 1.0-2 < 1.0-10 < 1.0+b < 1:0.1",
    );
    holds(Order::Debian, "0:1.0 = 1.0 = 1.0-0 = 1.00");
    holds(Order::Debian, "1.0-1~deb12u1 < 1.0-1 < 1.0-1+deb12u1");
    holds(Order::Debian, "3.0.11-1~deb12u2 < 3.0.13-1~deb12u1");
    holds(Order::Debian, "1.2a+~bCd3 < 1.2a++ < 1.2.3");
    refused(Order::Debian, &["a:1", "-1"]);
}

#[test]
fn alpine() {
    holds(
        Order::Alpine,
        "1.0_alpha < 1.0_alpha1 < 1.0_beta < 1.0_pre1 < 1.0_rc1 < 1.0 < 1.0-r0 < 1.0-r1 < 1.0-r10 < 1.0_git20 < 1.0_p1 < 1.0a < 1.0b < 1.0.1 < 1.1",
    );
    holds(Order::Alpine, "1.01 < 1.1 < 1.9 < 1.10 < 10");
    holds(Order::Alpine, "3.1.4-r5 < 3.1.4-r6 < 3.1.5-r0");
    holds(Order::Alpine, "1.2.3_rc1_p1-r0 > 1.2.3_rc1-r0");
    refused(Order::Alpine, &["r1", "1.0-1", "1.0_foo", "1.", "1.0-rx"]);
}

#[test]
fn rpm() {
    holds(Order::Rpm, "1.0~rc1 < 1.0 < 1.0^git1 < 1.0.a1.1 < 1.0.1");
    holds(Order::Rpm, "1.0^20160101 < 1.0^20160102 < 1.0.1 < 1.01^git1");
    holds(Order::Rpm, "1.0 < 1.1 < 1.10 < 2.0 < 1:1.0");
    holds(Order::Rpm, "2.0.1 = 2_0_1 < 2.0.1a < 2.0.2");
    holds(Order::Rpm, "5.5p1 < 5.5p2 < 5.5p10");
    holds(Order::Rpm, "1.0-1.el9 < 1.0-1.el9_2 < 1.0-2.el9");
    holds(Order::Rpm, "0:1.0-1 = 1.0-1");
    holds(Order::Rpm, "1.0a < 1.0.5");
    refused(Order::Rpm, &["a:1"]);
}

/// Versions of the shapes that occur, and odd ones.
fn version() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[0-9]{1,3}",
        "0",
        "00",
        "a",
        "b",
        "m",
        "alpha",
        "beta",
        "rc",
        "cr",
        "ga",
        "final",
        "sp",
        "snapshot",
        "dev",
        "p",
        "x",
        "pre",
        "git",
        "RELEASE",
        "[a-z]{1,2}[0-9]?",
    ];
    let between = prop_oneof![
        Just("."),
        Just("-"),
        Just("_"),
        Just("+"),
        Just("~"),
        Just("^"),
        Just(":"),
        Just("-r"),
        Just("")
    ];
    ("[0-9]{1,2}", proptest::collection::vec((between, part), 0..6)).prop_map(|(first, rest)| {
        rest.into_iter()
            .fold(first, |text, (between, part)| text + between + &part)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Every order is total: of any three versions that it knows.
    #[test]
    fn orders_are_total(texts in proptest::array::uniform3(version())) {
        for order in ALL {
            let parsed: Vec<Version> = texts.iter().filter_map(|text| order.parse(text).ok()).collect();
            let [a, b, c] = parsed.as_slice() else { continue };
            prop_assert_eq!(a.cmp(a), Equal);
            prop_assert_eq!(a.cmp(b), b.cmp(a).reverse(), "{:?}: {:?}", order, texts);
            for (x, y, z) in [(a, b, c), (a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a)] {
                if x <= y && y <= z {
                    prop_assert!(x <= z, "{:?}: {:?}", order, texts);
                }
                if x == y && y < z {
                    prop_assert!(x < z, "{:?}: {:?}", order, texts);
                }
            }
            prop_assert_eq!(a == b, a.cmp(b) == Equal, "{:?}: {:?}", order, texts);
        }
    }

    /// Whatever a text is, it is a version or an error.
    #[test]
    fn nothing_panics(text in "\\PC{0,40}") {
        for order in ALL {
            let _ = order.parse(&text);
        }
    }
}
