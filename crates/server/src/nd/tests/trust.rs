//! TLS.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use super::*;

fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls")
}

fn pem(name: &str) -> String {
    std::fs::read_to_string(dir().join(name)).unwrap()
}

/// A server as `server.test`, which may ask for a client's certificate.
fn secure(client_needed: bool) -> Peer {
    let certificate = |name| CertificateDer::from_pem_slice(pem(name).as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if client_needed {
        let mut roots = RootCertStore::empty();
        roots.add(certificate("ca.pem")).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_slice(pem("server.key").as_bytes()).unwrap();
    let config = Arc::new(
        builder
            .with_single_cert(vec![certificate("server.pem")], key)
            .unwrap(),
    );
    Peer::start_with(
        |_| reply("200 OK", "", "secure"),
        move |tcp, serve| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            serve(&mut rustls::StreamOwned::new(connection, tcp));
        },
    )
}

fn ask(outside: &Outside, peer: &Peer, more: &[(&str, &str)]) -> Result<Value, NdError> {
    let mut members = vec![
        ("method".into(), "get".into()),
        ("url".into(), Value::from(format!("https://{}/", peer.addr))),
    ];
    members.extend(more.iter().map(|(name, value)| {
        let value = match *value {
            "true" => true.into(),
            text => text.into(),
        };
        (Value::from(*name), value)
    }));
    outside.call("http.send", &[Value::object(members)], at(0, None))
}

#[test]
fn the_server_must_prove_its_name_to_an_authority_that_is_trusted() {
    let (outside, peer) = (outside(&config()), secure(false));
    let authority = pem("ca.pem");
    let trusted = [
        ("tls_ca_cert", authority.as_str()),
        ("tls_server_name", "server.test"),
    ];
    let response = ask(&outside, &peer, &trusted).unwrap();
    assert_eq!(text(&response, "raw_body"), "\"secure\"");
    assert_eq!(
        peer.asked()[0].headers["host"],
        peer.addr.to_string(),
        "the name is for the certificate only"
    );
    let escaped = authority.replace('\n', "\\n");
    ask(
        &outside,
        &peer,
        &[("tls_ca_cert", &escaped), ("tls_server_name", "server.test")],
    )
    .unwrap();
    for more in [
        &[][..],
        &[("tls_server_name", "server.test")],
        &[("tls_ca_cert", authority.as_str())],
        &[
            ("tls_ca_cert", authority.as_str()),
            ("tls_server_name", "other.test"),
        ],
    ] {
        let failure = failed(ask(&outside, &peer, more));
        assert!(failure.contains("certificate"), "{more:?}: {failure}");
    }
    assert_eq!(peer.asked().len(), 2);
    assert!(failed(ask(&outside, &peer, &[("tls_ca_cert", "nothing")])).contains("tls_ca_cert"));
}

#[test]
fn unproven_servers_need_the_operators_word() {
    let peer = secure(false);
    let skip = [("tls_insecure_skip_verify", "true")];
    let refusal = refused(ask(&outside(&config()), &peer, &skip));
    assert!(
        refusal.contains("server.nd_builtins.allow_insecure_tls"),
        "{refusal}"
    );
    let allowed = outside(&NdConfig {
        allow_insecure_tls: true,
        ..config()
    });
    assert!(ask(&allowed, &peer, &skip).is_ok());
    failed(ask(&allowed, &peer, &[]));
}

#[test]
fn clients_show_certificates_from_texts_and_from_files_in_one_directory() {
    let peer = secure(true);
    let (authority, certificate, key) = (pem("ca.pem"), pem("client.pem"), pem("client.key"));
    let texts = [
        ("tls_ca_cert", authority.as_str()),
        ("tls_server_name", "server.test"),
        ("tls_client_cert", &certificate),
        ("tls_client_key", &key),
    ];
    let plain = outside(&config());
    assert!(ask(&plain, &peer, &texts).is_ok());
    failed(ask(&plain, &peer, &texts[..2]));

    let files = [
        ("tls_ca_cert_file", "ca.pem"),
        ("tls_server_name", "server.test"),
        ("tls_client_cert_file", "client.pem"),
        ("tls_client_key_file", "./client.key"),
    ];
    let refusal = refused(ask(&plain, &peer, &files));
    assert!(refusal.contains("server.nd_builtins.tls_dir"), "{refusal}");
    let reading = outside(&NdConfig {
        tls_dir: dir(),
        ..config()
    });
    assert!(ask(&reading, &peer, &files).is_ok());
    for path in ["../tls/ca.pem", "/etc/hostname"] {
        let refusal = refused(ask(&reading, &peer, &[("tls_ca_cert_file", path)]));
        assert!(refusal.contains("relative to it"), "{refusal}");
    }
    assert!(
        failed(ask(&reading, &peer, &[("tls_ca_cert_file", "none.pem")])).contains("can't read none.pem")
    );
    let refusal = refused(ask(&reading, &peer, &[("tls_client_key_env_variable", "KEY")]));
    assert!(refusal.contains("tls_client_key_file"), "{refusal}");
}
