use lambda_http::http::StatusCode;
use lambda_http::http::header::ETAG;
use lambda_http::{Body, Request, RequestExt as _, Response};
use signalbox_domain::{
    Application, ApplicationName, AuthorizationMode, Refusal, Registration, ServerKey, ServerKeys,
};
use signalbox_gateway::http::{empty, header, json, ok, path_parameter, rfc3339, with_status};
use signalbox_store::Registering;
use signalbox_wire::{ApplicationAnswer, ApplicationRegistration, ApplicationsAnswer, AuthorizationWord};

use crate::{Supervise, unavailable};

/// How many names a page has.
const PAGE: i32 = 100;
/// How often a change is made again that another one came before.
const TRIES: u32 = 4;

impl Supervise {
    /// `PUT /v1/applications/{app}`: registers an application, or changes its registration as a whole; with `If-Match` only what
    /// the caller has read. 201 or 200. What is so already is left alone. 1 read, and 1 transaction; each again where another
    /// change came between.
    pub(crate) async fn register(
        &self,
        request: &Request,
        operator: &str,
    ) -> Result<Response<Body>, Refusal> {
        let name = application_name(request)?;
        let registration = registration(&json(request)?)?;
        for _ in 0..TRIES {
            let before = self.application(&name).await?;
            matches(request, before.as_ref())?;
            let now = self.keeping.clock.now();
            let (status, after) = match &before {
                None => (StatusCode::CREATED, Application::register(name.clone(), registration.clone(), now)),
                Some(before) if before.registration == registration => {
                    return Ok(tagged(StatusCode::OK, before));
                }
                Some(before) => (StatusCode::OK, before.change(registration.clone(), now)),
            };
            let registering = self.keeping.store.put_application(before.as_ref(), &after).await;
            match registering.map_err(|error| unavailable(&error))? {
                Registering::Done => {
                    let keys = after.registration.keys.iter().count();
                    tracing::info!(application = %name, keys, operator, "application registered");
                    return Ok(tagged(status, &after));
                }
                Registering::KeyTaken(key) => {
                    if let Some(refusal) = self.taken(&name, &registration, &key).await? {
                        return Err(refusal);
                    }
                }
                Registering::Changed => {}
            }
        }
        Err(Refusal::Unavailable)
    }

    /// Whose the key is; none where it has been given up meanwhile. 1 read.
    async fn taken(
        &self,
        name: &ApplicationName,
        registration: &Registration,
        key: &ServerKey,
    ) -> Result<Option<Refusal>, Refusal> {
        let owner = self.keeping.store.application_of(key).await.map_err(|error| unavailable(&error))?;
        let index = registration.keys.iter().position(|one| one == key).unwrap_or_default();
        let other = owner.filter(|owner| owner != name);
        Ok(other.map(|application| Refusal::ServerKeyTaken { index, application }))
    }

    /// `GET /v1/applications/{app}`. 1 read.
    pub(crate) async fn registered(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        let application = self.application(&application_name(request)?).await?;
        Ok(tagged(StatusCode::OK, &application.ok_or(Refusal::ApplicationUnknown)?))
    }

    /// `GET /v1/applications`: the names, 100 a page. 1 read.
    pub(crate) async fn list(&self, request: &Request) -> Result<Response<Body>, Refusal> {
        let parameters = request.query_string_parameters_ref();
        let after = parameters.and_then(|parameters| parameters.first("after"));
        let after = after.map(str::parse).transpose();
        let after = after.map_err(|rule: signalbox_domain::NotAnApplicationName| {
            Refusal::Malformed(format!("the parameter `after` {rule}"))
        })?;
        let page = self.keeping.store.application_names(after.as_ref(), PAGE).await;
        let page = page.map_err(|error| unavailable(&error))?;
        Ok(ok(&ApplicationsAnswer {
            applications: page.names.iter().map(ToString::to_string).collect(),
            next: page.next.map(|name| name.to_string()),
        }))
    }

    /// `DELETE /v1/applications/{app}`: 204, also where there is none; with `If-Match` only what the caller has read. Its keys are
    /// free, and what it is authorized for is nobody's. 1 read, and 1 transaction where there is one.
    pub(crate) async fn remove(&self, request: &Request, operator: &str) -> Result<Response<Body>, Refusal> {
        let name = application_name(request)?;
        for _ in 0..TRIES {
            let application = self.application(&name).await?;
            matches(request, application.as_ref())?;
            let Some(application) = application else {
                return Ok(empty(StatusCode::NO_CONTENT));
            };
            let removed = self.keeping.store.remove_application(&application).await;
            if removed.map_err(|error| unavailable(&error))? {
                tracing::info!(application = %name, operator, "application removed");
                return Ok(empty(StatusCode::NO_CONTENT));
            }
        }
        Err(Refusal::Unavailable)
    }

    async fn application(&self, name: &ApplicationName) -> Result<Option<Application>, Refusal> {
        self.keeping.store.application(name).await.map_err(|error| unavailable(&error))
    }
}

fn application_name(request: &Request) -> Result<ApplicationName, Refusal> {
    path_parameter(request, "app").parse().map_err(|_| Refusal::ApplicationNameInvalid)
}

/// Whether the application is what `If-Match` names, where the request has one (RFC 9110 section 13.1.1).
fn matches(request: &Request, application: Option<&Application>) -> Result<(), Refusal> {
    let Some(wanted) = header(request, "if-match")? else { return Ok(()) };
    let is = application.map(Application::tag);
    let matched = is.is_some_and(|is| wanted.split(',').map(str::trim).any(|tag| tag == "*" || tag == is));
    if matched { Ok(()) } else { Err(Refusal::PreconditionFailed) }
}

/// An application, as it is told, with its tag.
fn tagged(status: StatusCode, application: &Application) -> Response<Body> {
    let mut answer = with_status(status, &told(application));
    // Of digits: always a header's value.
    if let Ok(tag) = application.tag().parse() {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

/// What the body says, checked.
fn registration(asked: &ApplicationRegistration) -> Result<Registration, Refusal> {
    let keys = asked.server_keys.iter().enumerate().map(|(index, key)| {
        let wrong = |rule| Refusal::Malformed(format!("`serverKeys[{index}]` {rule}"));
        ServerKey::from_base64url(key).map_err(wrong)
    });
    let keys = ServerKeys::new(keys.collect::<Result<_, _>>()?);
    Ok(Registration {
        keys: keys.map_err(|rule| Refusal::Malformed(format!("`serverKeys` {rule}")))?,
        authorization: asked.authorization.map(|word| match word {
            AuthorizationWord::Implicit => AuthorizationMode::Implicit,
            AuthorizationWord::Explicit => AuthorizationMode::Explicit,
        }),
    })
}

/// An application, as it is told.
fn told(application: &Application) -> ApplicationAnswer {
    let Registration { keys, authorization } = &application.registration;
    ApplicationAnswer {
        application: application.name.to_string(),
        server_keys: keys.iter().map(ToString::to_string).collect(),
        authorization: authorization.map(|mode| match mode {
            AuthorizationMode::Implicit => AuthorizationWord::Implicit,
            AuthorizationMode::Explicit => AuthorizationWord::Explicit,
        }),
        registered_at: rfc3339(application.registered),
        changed_at: rfc3339(application.changed),
    }
}
