use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::service_clock_skew::ServiceClockSkewInterceptor;
use aws_runtime::user_agent::UserAgentInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{
    Intercept, SharedInterceptor, disable_interceptor, dyn_dispatch_hint,
};
use aws_smithy_types::config_bag::{ConfigBag, FrozenLayer, Layer};

/// Leaves out the headers by which AWS gets to know who asks, how often and from where, and the look at the clock of its answers.
/// No wire of this machine reads the ones or tells the other, and they are a good part of what a call costs here.
#[derive(Debug)]
pub struct Unadorned(FrozenLayer);

impl Unadorned {
    /// For the configuration of a client.
    #[must_use]
    pub fn interceptor() -> SharedInterceptor {
        const WHY: &str = "nobody on this machine reads it";
        let mut without = Layer::new("Unadorned");
        without.store_put(disable_interceptor::<UserAgentInterceptor>(WHY));
        without.store_put(disable_interceptor::<InvocationIdInterceptor>(WHY));
        without.store_put(disable_interceptor::<RequestInfoInterceptor>(WHY));
        without.store_put(disable_interceptor::<ServiceClockSkewInterceptor>(WHY));
        // One that cannot be disabled itself is not asked about at each step.
        SharedInterceptor::permanent(Self(without.freeze()))
    }
}

#[dyn_dispatch_hint]
impl Intercept for Unadorned {
    fn name(&self) -> &'static str {
        "Unadorned"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Made once for all calls.
        config.push_shared_layer(self.0.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::config::Builder;
    use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

    use super::*;
    use crate::{config, response};

    /// Keeps the names of the headers of each call.
    #[derive(Debug, Clone, Default)]
    struct Headers(Arc<Mutex<Vec<Vec<String>>>>);

    impl HttpConnector for Headers {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let names = request.headers().iter().map(|(name, _)| name.to_owned()).collect();
            self.0.lock().unwrap().push(names);
            HttpConnectorFuture::ready(Ok(response(200, None, "{}")))
        }
    }

    /// What nobody reads is left out, what a wire goes by is not; and a release of the SDK that names things anew is noticed.
    #[tokio::test]
    async fn calls_carry_no_header_that_nobody_reads() {
        let headers = Headers::default();
        let adorned = Builder::from(&config(headers.clone()));
        let mut unadorned = adorned.clone();
        unadorned.push_interceptor(Unadorned::interceptor());
        for conf in [adorned, unadorned] {
            Client::from_conf(conf.build()).list_tables().send().await.unwrap();
        }
        let seen = headers.0.lock().unwrap().clone();
        let [adorned, unadorned] = &seen[..] else { panic!("two calls, and not {seen:?}") };
        for unread in ["x-amz-user-agent", "user-agent", "amz-sdk-request", "amz-sdk-invocation-id"] {
            assert!(adorned.iter().any(|name| name == unread), "{unread} in {adorned:?}");
            assert!(!unadorned.iter().any(|name| name == unread), "{unread} in {unadorned:?}");
        }
        assert!(unadorned.iter().any(|name| name == "x-amz-target"), "{unadorned:?}");
    }
}
