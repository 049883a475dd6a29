use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::recursion_detection::RecursionDetectionInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::user_agent::UserAgentInterceptor;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, disable_interceptor};
use aws_smithy_types::config_bag::ConfigBag;

/// Leaves out the headers by which AWS gets to know who asks, how often and from where. No wire of this machine reads them, and
/// they are a good part of what a call costs here.
#[derive(Debug, Clone, Copy)]
pub struct Unadorned;

impl Intercept for Unadorned {
    fn name(&self) -> &'static str {
        "Unadorned"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        const WHY: &str = "nobody on this machine reads it";
        let headers = config.interceptor_state();
        headers.store_put(disable_interceptor::<UserAgentInterceptor>(WHY));
        headers.store_put(disable_interceptor::<InvocationIdInterceptor>(WHY));
        headers.store_put(disable_interceptor::<RequestInfoInterceptor>(WHY));
        headers.store_put(disable_interceptor::<RecursionDetectionInterceptor>(WHY));
        Ok(())
    }
}
