//! One connection for one request: TCP, TLS where the profile says so, HTTP/1.1. A connection is never used twice, so whether
//! anything of a request left is known: it is the number of bytes that were written.

use crate::error::Failure;
use crate::profile::{Base, Profile};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Bytes of the head of an answer, and of what is read from the network at a time.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Headers of an answer.
const HEADERS_MAX: usize = 100;

/// A connection that waits for its one request.
pub(crate) struct Connection {
    pub sender: http1::SendRequest<Full<Bytes>>,
    pub written: Arc<AtomicU64>,
    /// Drives the connection; dropped, it ends it.
    _task: JoinSet<()>,
}

/// What is trusted, by the file of certificates that a profile adds.
#[derive(Default)]
pub(crate) struct Trust(Mutex<BTreeMap<Option<PathBuf>, Arc<ClientConfig>>>);

/// Opens a connection. Nothing of a request is sent by it.
pub(crate) async fn connect(trust: &Trust, profile: &Profile) -> Result<Connection, Failure> {
    let base = &profile.base;
    let failed = |error: io::Error| Failure::Connect { host: base.authority(), why: error.to_string() };
    let tcp = TcpStream::connect((base.host.as_str(), base.port)).await.map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    let written = Arc::new(AtomicU64::new(0));
    let stream: Box<dyn Duplex> = if base.tls {
        let config = trust.config(base, profile.ca_file.clone()).await?;
        Box::new(secure(config, base, tcp).await?)
    } else {
        Box::new(tcp)
    };
    let counted = Counted { inner: stream, tls: base.tls, written: Arc::clone(&written) };
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let (sender, connection) = builder
        .handshake(TokioIo::new(counted))
        .await
        .map_err(|error| Failure::Connect { host: base.authority(), why: error.to_string() })?;
    let mut task = JoinSet::new();
    task.spawn(async move {
        // Its errors come out at the request.
        let _ = connection.await;
    });
    Ok(Connection { sender, written, _task: task })
}

async fn secure(
    config: Arc<ClientConfig>,
    base: &Base,
    tcp: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failure> {
    let host = base.authority();
    let name = ServerName::try_from(base.host.clone()).map_err(|_| Failure::Trust {
        host: host.clone(),
        why: "the host has no name that a certificate could show".to_owned(),
    })?;
    TlsConnector::from(config).connect(name, tcp).await.map_err(|error| {
        let about_trust = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        let why = error.to_string();
        if about_trust { Failure::Trust { host, why } } else { Failure::Connect { host, why } }
    })
}

impl Trust {
    async fn config(&self, base: &Base, file: Option<PathBuf>) -> Result<Arc<ClientConfig>, Failure> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&file).cloned();
        if let Some(config) = known {
            return Ok(config);
        }
        let key = file.clone();
        let failed = |why: String| Failure::Trust { host: base.authority(), why };
        // Reads files.
        let made = tokio::task::spawn_blocking(move || configuration(file.as_deref())).await;
        let config = made.map_err(|error| failed(error.to_string()))?.map_err(failed)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&config));
        Ok(config)
    }
}

fn configuration(file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    // Single certificates that cannot be read are left out: systems carry some that are broken.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = file {
        let shown = file.display();
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| format!("ca-file {shown}: {error}"))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| format!("ca-file {shown}: {error}"))?;
            roots.add(certificate).map_err(|error| format!("ca-file {shown}: {error}"))?;
        }
    }
    if roots.is_empty() {
        return Err("this system has no root certificates; install ca-certificates or name a ca-file".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// Counts what is handed to the network, or to TLS on the way there.
struct Counted {
    inner: Box<dyn Duplex>,
    /// A failed write under TLS can have sent a part.
    tls: bool,
    written: Arc<AtomicU64>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write(context, bytes);
        let count = match &done {
            Poll::Ready(Ok(count)) => *count,
            _ if self.tls => bytes.len(),
            _ => 0,
        };
        self.written.fetch_add(count as u64, Ordering::Relaxed);
        done
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
