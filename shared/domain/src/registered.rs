use crate::{ApplicationName, AuthorizationMode, LiveSession, Refusal, ServerKey, Timestamp};

/// The keys of an application's servers: one or more, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerKeys(Vec<ServerKey>);

/// The keys are no application's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotServerKeys {
    /// None, or more than are kept.
    #[error("must have 1 to {} keys", ServerKeys::MOST)]
    Number,
    /// One stands there twice.
    #[error("has the key at {0} twice")]
    Twice(usize),
}

impl ServerKeys {
    /// So many an application may have: enough for a new one beside the old one wherever it has servers of its own, and few
    /// enough to be changed in one transaction.
    pub const MOST: usize = 20;

    /// Checks their number, and that none is there twice.
    ///
    /// # Errors
    /// [`NotServerKeys`].
    pub fn new(keys: Vec<ServerKey>) -> Result<Self, NotServerKeys> {
        if !(1..=Self::MOST).contains(&keys.len()) {
            return Err(NotServerKeys::Number);
        }
        let twice = (1..keys.len()).find(|&index| keys[..index].contains(&keys[index]));
        twice.map_or(Ok(Self(keys)), |index| Err(NotServerKeys::Twice(index)))
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contains(&self, key: &ServerKey) -> bool {
        self.0.contains(key)
    }

    /// Each, in the operator's order.
    pub fn iter(&self) -> impl Iterator<Item = &ServerKey> {
        self.0.iter()
    }
}

/// What an operator says of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The keys of its servers. They are one server to the push service: what one of them may, all may.
    pub keys: ServerKeys,
    /// The mode of its sessions, where it is not the usual one.
    pub authorization: Option<AuthorizationMode>,
}

/// An application that its operator has registered: its name is its own, and its servers' keys can change (R25 speaks of such).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// The name under which it asks for sessions.
    pub name: ApplicationName,
    /// What the operator said last.
    pub registration: Registration,
    /// When it was registered.
    pub registered: Timestamp,
    /// When its registration last changed.
    pub changed: Timestamp,
    /// How often that was. A change is made to what was read, or not at all.
    pub revision: u64,
}

impl Application {
    /// An application that is new.
    #[must_use]
    pub fn register(name: ApplicationName, registration: Registration, now: Timestamp) -> Self {
        Self { name, registration, registered: now, changed: now, revision: 0 }
    }

    /// The application after a change.
    #[must_use]
    pub fn change(&self, registration: Registration, now: Timestamp) -> Self {
        Self { registration, changed: now, revision: self.revision + 1, ..self.clone() }
    }

    /// A name for what it is now, which it had never before (an entity tag, RFC 9110 section 8.8.3).
    #[must_use]
    pub fn tag(&self) -> String {
        format!("\"{}-{}\"", self.revision, self.changed.as_millis())
    }

    /// Whether this is one of its servers' keys.
    #[must_use]
    pub fn has(&self, server: &ServerKey) -> bool {
        self.registration.keys.contains(server)
    }

    /// Whether a session is one of this application's.
    pub(crate) fn asked_for(&self, session: &LiveSession) -> bool {
        session.request.application.as_ref() == Some(&self.name)
    }

    /// Admits its own servers alone, to whatever session of it.
    pub(crate) fn admit(&self, server: Option<&ServerKey>) -> Result<(), Refusal> {
        match server {
            None => Err(Refusal::VapidMissing),
            Some(server) if self.has(server) => Ok(()),
            Some(_) => Err(Refusal::OtherServer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vapid::tests::TestServer;

    fn keys(count: usize) -> Vec<ServerKey> {
        (0..count).map(|_| TestServer::new().key()).collect()
    }

    #[test]
    fn keys_are_some_and_each_is_there_once() {
        assert_eq!(ServerKeys::new(Vec::new()), Err(NotServerKeys::Number));
        assert_eq!(ServerKeys::new(keys(ServerKeys::MOST + 1)), Err(NotServerKeys::Number));
        let all = keys(ServerKeys::MOST);
        let checked = ServerKeys::new(all.clone()).unwrap();
        assert!(checked.iter().eq(&all) && checked.contains(&all[7]) && !checked.contains(&keys(1)[0]));
        let twice = [&all[..3], &all[1..2]].concat();
        assert_eq!(ServerKeys::new(twice), Err(NotServerKeys::Twice(3)));
        assert_eq!(NotServerKeys::Number.to_string(), "must have 1 to 20 keys");
    }

    #[test]
    fn a_change_is_of_the_same_application() {
        let registration =
            |count| Registration { keys: ServerKeys::new(keys(count)).unwrap(), authorization: None };
        let (then, now) = (Timestamp::from_millis(1), Timestamp::from_millis(2));
        let (one, two) = (registration(1), registration(2));
        let first = Application::register("mail".parse().unwrap(), one.clone(), then);
        let second = first.change(two.clone(), now);
        assert_eq!((&first.registration, &second.registration), (&one, &two));
        assert_eq!((second.name.clone(), second.registered, second.changed), (first.name.clone(), then, now));
        assert_eq!((first.revision, second.revision), (0, 1));
        assert_eq!((first.tag().as_str(), second.tag().as_str()), ("\"0-1\"", "\"1-2\""));
    }
}
