use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use signalbox_domain::PublicUrl;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use url::{Host, Url};

use super::{TlsError, certificates, io, named, read, unusable, write};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long the CA counts.
const CA_LIFE: Duration = Duration::from_secs(3650 * 24 * 3600);
/// How long a certificate of the CA counts; some clients take none that counts for years.
const LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// When a process that runs on makes itself another one.
const RENEW_AFTER: Duration = Duration::from_secs(30 * 24 * 3600);

/// Under which names the host may be reached, without a look at the network.
pub(super) fn names(listen: IpAddr, public_url: &PublicUrl) -> Vec<SanType> {
    let mut names = vec!["localhost".to_owned()];
    names.extend(rustix::system::uname().nodename().to_str().map(ToOwned::to_owned));
    let mut addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    if !listen.is_unspecified() {
        addresses.push(listen);
    }
    let url = Url::parse(&public_url.to_string()).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(domain)) => names.push(domain.to_owned()),
        Some(Host::Ipv4(address)) => addresses.push(address.into()),
        Some(Host::Ipv6(address)) => addresses.push(address.into()),
        None => {}
    }
    let mut alternatives = Vec::new();
    // A host name need not be one of DNS.
    let of_dns =
        names.iter().filter(|name| matches!(ServerName::try_from(name.as_str()), Ok(ServerName::DnsName(_))));
    let of_dns = of_dns.filter_map(|name| name.as_str().try_into().ok().map(SanType::DnsName));
    for name in of_dns.chain(addresses.into_iter().map(SanType::IpAddress)) {
        if !alternatives.contains(&name) {
            alternatives.push(name);
        }
    }
    alternatives
}

/// Where the CA is kept.
pub(super) struct CaFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl CaFiles {
    pub(super) fn of(directory: &Path) -> Self {
        Self { certificate: directory.join("ca.pem"), key: directory.join("ca.key") }
    }

    /// The CA's key; made at first start, readable by its owner alone.
    pub(super) fn key(&self) -> Result<KeyPair, TlsError> {
        match read(&self.key) {
            Ok(text) => {
                let metadata = self.key.metadata().map_err(|error| io(&self.key, error))?;
                if metadata.permissions().mode() & 0o077 != 0 {
                    return Err(TlsError::NotPrivate(named(&self.key)));
                }
                let text = String::from_utf8_lossy(&text);
                KeyPair::from_pem(&text).map_err(|error| unusable(&self.key, &error))
            }
            Err(TlsError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => {
                if self.certificate.exists() {
                    let reason = format!(
                        "is not there, and {} is of no use without it: bring it back, or remove that too for a new CA",
                        named(&self.certificate)
                    );
                    return Err(unusable(&self.key, &reason));
                }
                let key = KeyPair::generate()?;
                write(&self.key, 0o600, &key.serialize_pem())?;
                Ok(key)
            }
            Err(error) => Err(error),
        }
    }

    /// The CA; its certificate is made where there is none yet, readable by all.
    pub(super) fn open(&self) -> Result<Issuer<'static, KeyPair>, TlsError> {
        let key = self.key()?;
        let params = ca_params(&key);
        if !self.certificate.exists() {
            write(&self.certificate, 0o644, &params.self_signed(&key)?.pem())?;
            tracing::info!("made a CA");
        }
        Ok(Issuer::new(params, key))
    }

    /// Whether clients that trust the file will trust what the CA signs: somebody may have put another file there.
    fn check(&self, certificate: &CertificateDer<'_>, provider: Arc<CryptoProvider>) -> Result<(), TlsError> {
        let mut roots = RootCertStore::empty();
        for root in certificates(&self.certificate)? {
            roots.add(root).map_err(|error| unusable(&self.certificate, &error))?;
        }
        let localhost = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| unusable(&self.certificate, &error))?
            .verify_server_cert(certificate, &[], &localhost, &[], UnixTime::now())
            .map_err(|error| {
                let key = named(&self.key);
                unusable(
                    &self.certificate,
                    &format!("is not the certificate of {key}: remove both for a new CA ({error})"),
                )
            })?;
        Ok(())
    }
}

/// What the CA is, told from its key alone: so its name is the same after each start, and no other CA's.
fn ca_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let [a, b, c, d] = *params.key_identifier(key).first_chunk().unwrap_or(&[0; 4]);
    params.distinguished_name = name(&format!("Signalbox CA {a:02x}{b:02x}{c:02x}{d:02x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    count_for(&mut params, CA_LIFE);
    params
}

fn name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// From yesterday, as clocks differ.
fn count_for(params: &mut CertificateParams, life: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + life).into();
}

/// Certificates of our own CA: one at each start, and another one before it ends.
#[derive(Debug)]
pub(super) struct OwnCertificates {
    ca: Issuer<'static, KeyPair>,
    names: Vec<SanType>,
    provider: Arc<CryptoProvider>,
    current: Mutex<Issued>,
}

#[derive(Debug, Clone)]
pub(super) struct Issued {
    pair: Arc<CertifiedKey>,
    renew_at: SystemTime,
}

impl OwnCertificates {
    pub(super) fn open(
        files: &CaFiles,
        names: Vec<SanType>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let ca = files.open()?;
        let first = issue(&ca, &names, &provider)?;
        files.check(first.pair.end_entity_cert()?, provider.clone())?;
        Ok(Self { ca, names, provider, current: Mutex::new(first) })
    }

    fn at(&self, now: SystemTime) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= current.renew_at {
            match issue(&self.ca, &self.names, &self.provider) {
                Ok(issued) => *current = issued,
                Err(error) => tracing::error!(%error, "the certificate was not renewed"),
            }
        }
        current.pair.clone()
    }
}

impl ResolvesServerCert for OwnCertificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.at(SystemTime::now()))
    }
}

fn issue(ca: &Issuer<'_, KeyPair>, names: &[SanType], provider: &CryptoProvider) -> Result<Issued, TlsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("Signalbox");
    params.subject_alt_names = names.to_vec();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    count_for(&mut params, LIFE);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, ca)?;
    let pair = CertifiedKey::from_der(vec![certificate.der().clone()], key.into(), provider)?;
    Ok(Issued { pair: Arc::new(pair), renew_at: SystemTime::now() + RENEW_AFTER })
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::crypto::aws_lc_rs;

    use super::*;

    fn own(directory: &Path) -> Result<OwnCertificates, TlsError> {
        let public_url = "https://push.example:8443/x".parse().unwrap();
        let names = names(Ipv4Addr::UNSPECIFIED.into(), &public_url);
        OwnCertificates::open(&CaFiles::of(directory), names, Arc::new(aws_lc_rs::default_provider()))
    }

    #[test]
    fn a_certificate_is_for_every_name_once() {
        let public_url = "https://push.example:8443/x".parse().unwrap();
        let names = names([192, 0, 2, 1].into(), &public_url);
        for name in ["localhost", "push.example"] {
            assert!(names.contains(&SanType::DnsName(name.try_into().unwrap())), "{name}");
        }
        for address in ["127.0.0.1", "::1", "192.0.2.1"] {
            assert!(names.contains(&SanType::IpAddress(address.parse().unwrap())), "{address}");
        }
        let local = super::names(Ipv4Addr::LOCALHOST.into(), &"https://[::1]:1".parse().unwrap());
        let addresses = local.iter().filter(|name| matches!(name, SanType::IpAddress(_))).count();
        assert_eq!(addresses, 2);
    }

    #[test]
    fn a_certificate_is_renewed_before_it_ends() {
        let data = tempfile::tempdir().unwrap();
        let own = own(data.path()).unwrap();
        let now = SystemTime::now();
        let first = own.at(now);
        assert!(Arc::ptr_eq(&first, &own.at(now + RENEW_AFTER - DAY)));
        assert!(!Arc::ptr_eq(&first, &own.at(now + RENEW_AFTER + DAY)));
        const { assert!(RENEW_AFTER.as_secs() < LIFE.as_secs()) };
    }

    /// What is missing is made again where that changes nothing for clients, and else said.
    #[test]
    fn a_ca_that_is_not_whole_is_named() {
        let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        own(data.path()).unwrap();
        own(other.path()).unwrap();
        let (here, there) = (CaFiles::of(data.path()), CaFiles::of(other.path()));
        let before = certificates(&here.certificate).unwrap();
        // A start that was cut off between the two files.
        std::fs::remove_file(&here.certificate).unwrap();
        let again = own(data.path()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(before[0].clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap()
            .verify_server_cert(
                again.at(SystemTime::now()).end_entity_cert().unwrap(),
                &[],
                &"push.example".try_into().unwrap(),
                &[],
                UnixTime::now(),
            )
            .unwrap();

        std::fs::copy(&there.certificate, &here.certificate).unwrap();
        assert!(own(data.path()).unwrap_err().to_string().contains("is not the certificate of"));
        std::fs::set_permissions(&here.key, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(own(data.path()).unwrap_err().to_string().contains("chmod 600"));
        std::fs::remove_file(&here.key).unwrap();
        assert!(own(data.path()).unwrap_err().to_string().contains("ca.key: is not there"));
    }
}
