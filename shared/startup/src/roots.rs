use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::{InvalidSetting, StartError};

/// Amazon Root CA 1 to 4 and Starfield Services Root CA G2: what every endpoint of AWS is signed under
/// (<https://www.amazontrust.com/repository/>).
const AMAZON: &str = include_str!("amazon-roots.pem");
const ROOTS: &str = "SIGNALBOX_AWS_ROOTS";

/// Which certificates calls to AWS trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Amazon's own: nobody else's certificate is taken for AWS, and starting does not read the hundred that a system has.
    Amazon,
    /// The system's, for a proxy or an emulator with a certificate of its own.
    System,
}

impl Roots {
    /// Reads `SIGNALBOX_AWS_ROOTS`.
    ///
    /// # Errors
    /// Where it is none of the two words.
    pub(crate) fn from_environment() -> Result<Self, InvalidSetting> {
        Self::from_word(std::env::var(ROOTS).ok().as_deref())
    }

    fn from_word(word: Option<&str>) -> Result<Self, InvalidSetting> {
        match word {
            None | Some("" | "amazon") => Ok(Self::Amazon),
            Some("system") => Ok(Self::System),
            Some(_) => {
                Err(InvalidSetting::Wrong { name: ROOTS, reason: "must be `amazon` or `system`".to_owned() })
            }
        }
    }

    /// A client that trusts them, for all services together.
    ///
    /// # Errors
    /// Where the SDK refuses them: without them nothing else is trusted instead.
    pub(crate) fn client(self) -> Result<SharedHttpClient, StartError> {
        let store = match self {
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON),
            Self::System => TrustStore::empty().with_native_roots(true),
        };
        let context = TlsContext::builder().with_trust_store(store).build();
        let context = context.map_err(|error| StartError::Roots(error.to_string()))?;
        Ok(Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context)
            .build_https())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_read_and_others_refused() {
        assert_eq!(Roots::from_word(None).unwrap(), Roots::Amazon);
        assert_eq!(Roots::from_word(Some("amazon")).unwrap(), Roots::Amazon);
        assert_eq!(Roots::from_word(Some("system")).unwrap(), Roots::System);
        let refused = Roots::from_word(Some("mine")).unwrap_err().to_string();
        assert_eq!(refused, "the environment variable SIGNALBOX_AWS_ROOTS must be `amazon` or `system`");
    }

    /// The certificates are read when the client is first used: the SDK panics where one is none, and gets as far as the
    /// connection where they are all well.
    #[tokio::test]
    async fn amazons_roots_are_five_certificates() {
        assert_eq!(AMAZON.matches("-----BEGIN CERTIFICATE-----").count(), 5);
        let config = aws_types::SdkConfig::builder()
            .behavior_version(aws_smithy_runtime_api::client::behavior_version::BehaviorVersion::latest())
            .region(aws_types::region::Region::from_static("us-east-1"))
            // Port 1 of this machine: nobody listens.
            .endpoint_url("https://127.0.0.1:1")
            .retry_config(aws_smithy_types::retry::RetryConfig::disabled())
            .http_client(Roots::Amazon.client().unwrap())
            .build();
        let client = aws_sdk_dynamodb::Client::from_conf(
            aws_sdk_dynamodb::config::Builder::from(&config).allow_no_auth().build(),
        );
        let error = client.list_tables().send().await.unwrap_err();
        let aws_sdk_dynamodb::error::SdkError::DispatchFailure(failure) = &error else { panic!("{error:?}") };
        assert!(failure.is_io(), "{error:?}");
    }
}
