//! TLS: the key goes to nobody but a host that shows a certificate which is trusted, for the name that the profile says.

use crate::asking::good;
use crate::support::{TestTime, key, profile, request};
use libos_model::{Client, Failure, Started};
use libos_provider::{Clock, Provider};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

/// An authority of the tests, and a certificate of its for `localhost`, both until 2126; its key opens nothing else.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/all/trust").join(name)
}

/// Speaks TLS in front of a provider.
async fn front(provider: SocketAddr) -> (u16, JoinSet<()>) {
    let chain = vec![CertificateDer::from_pem_file(fixture("server.pem")).unwrap()];
    let secret = PrivateKeyDer::from_pem_file(fixture("server.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, secret).unwrap()));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut task = JoinSet::new();
    task.spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Ok(mut client) = acceptor.accept(client).await {
                let mut provider = TcpStream::connect(provider).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut provider).await;
            }
        }
    });
    (port, task)
}

#[tokio::test]
async fn the_key_goes_only_to_a_host_with_a_trusted_certificate_for_its_name() {
    let clock = Arc::new(Clock::default());
    let provider = Provider::start(&clock, vec![good(), good()]).await.unwrap();
    let (port, _front) = front(provider.address()).await;
    let trusting = format!("ca-file = \"{}\"", fixture("authority.pem").display());
    let rows: [(&str, &str, &str, bool); 4] = [
        ("trusted", "localhost", &trusting, true),
        ("not trusted", "localhost", "", false),
        ("another name", "127.0.0.1", &trusting, false),
        ("a ca-file that is missing", "localhost", "ca-file = \"/missing.pem\"", false),
    ];
    for (what, host, lines, trusted) in rows {
        let client = Client::new(Arc::new(TestTime(Arc::clone(&clock))));
        let profile = profile(&format!("https://{host}:{port}/v1"), lines);
        let answer = client.ask(&profile, Some(&key()), &request(), &mut |_| {}).await;
        match answer {
            Ok(answer) => assert_eq!((trusted, answer.reply.text.as_str()), (true, "ok"), "{what}"),
            Err(error) => {
                assert!(!trusted && matches!(error.failure, Failure::Trust { .. }), "{what}: {error}");
                assert_eq!((error.started, error.attempts), (Started::Nothing, 1), "{what}");
            }
        }
    }
    assert_eq!(provider.asked().len(), 1);
}
