use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use signalbox_domain::{
    Application, ApplicationHint, ApplicationName, Owner, Registration, ServerKey, ServerKeys, TerminalId,
    Timestamp,
};

use super::{item, key_of, malformed, row};
use crate::StoreError;
use crate::expression::{Attributes, text};

const TABLE: &str = "applications";
/// The sort key of an application's own row.
const APPLICATION: &str = "A";
/// The sort key of the row that says whose a key is.
const KEY: &str = "K";
/// An application stands in so many replicas, each under a partition key of its own. Every notification to one of its sessions
/// reads one, and DynamoDB serves 3,000 strongly consistent reads a second of a partition. So many keys lie on all the partitions
/// that a table has, four when it is new, and each about as often.
const REPLICAS: u8 = 16;
/// The partition of all names, by which they are listed.
pub(crate) const NAMES: &str = "N";

/// Which of an application's replicas is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replica(u8);

impl Replica {
    /// The one that is read where it does not matter, and that a change is conditional on.
    pub(crate) const FIRST: Self = Self(0);

    /// The one for a terminal: these are hashes, and so spread over all.
    pub(crate) fn of(terminal: TerminalId) -> Self {
        Self(terminal.as_bytes()[0] % REPLICAS)
    }

    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..REPLICAS).map(Self)
    }
}

/// A replica of an application's row, found by its name's hint, as a token has that alone.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplicationRow {
    pk: String,
    sk: String,
    name: String,
    keys: Vec<ByteBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<String>,
    registered_at: u64,
    changed_at: u64,
    revision: u64,
}

pub(crate) fn application_key(hint: ApplicationHint, replica: Replica) -> Attributes {
    key_of(application_partition(hint, replica), APPLICATION)
}

fn application_partition(hint: ApplicationHint, replica: Replica) -> String {
    format!("A#{hint}#{}", replica.0)
}

impl ApplicationRow {
    pub(crate) fn item(application: &Application, replica: Replica) -> Result<Attributes, StoreError> {
        let Registration { keys, authorization } = &application.registration;
        let row = Self {
            pk: application_partition(ApplicationHint::of(&application.name), replica),
            sk: APPLICATION.to_owned(),
            name: application.name.to_string(),
            keys: keys.iter().map(|key| ByteBuf::from(*key.as_bytes())).collect(),
            authorization: authorization.map(|mode| mode.as_str().to_owned()),
            registered_at: application.registered.as_millis(),
            changed_at: application.changed.as_millis(),
            revision: application.revision,
        };
        item(TABLE, &row)
    }

    pub(crate) fn read(item: Attributes) -> Result<Application, StoreError> {
        let row: Self = row(TABLE, item)?;
        let keys = row.keys.iter().map(|key| ServerKey::from_stored(key));
        let keys = keys.collect::<Result<_, _>>().map_err(|error| malformed(TABLE, error))?;
        let authorization = row.authorization.map(|mode| mode.parse()).transpose();
        Ok(Application {
            name: row.name.parse().map_err(|error| malformed(TABLE, error))?,
            registration: Registration {
                keys: ServerKeys::new(keys).map_err(|error| malformed(TABLE, error))?,
                authorization: authorization.map_err(|error| malformed(TABLE, error))?,
            },
            registered: Timestamp::from_millis(row.registered_at),
            changed: Timestamp::from_millis(row.changed_at),
            revision: row.revision,
        })
    }
}

/// The row that says which application a server's key belongs to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyRow {
    application: String,
}

pub(crate) fn server_key_key(key: &ServerKey) -> Attributes {
    key_of(format!("K#{}", Owner::of(key)), KEY)
}

impl KeyRow {
    pub(crate) fn item(key: &ServerKey, application: &ApplicationName) -> Attributes {
        let mut item = server_key_key(key);
        item.insert("application".to_owned(), text(application));
        item
    }

    pub(crate) fn read(item: Attributes) -> Result<ApplicationName, StoreError> {
        let row: Self = row(TABLE, item)?;
        row.application.parse().map_err(|error| malformed(TABLE, error))
    }
}

pub(crate) fn name_key(name: &ApplicationName) -> Attributes {
    key_of(NAMES, name)
}

/// The application that a row of [`NAMES`] lists.
pub(crate) fn listed_name(item: &Attributes) -> Result<ApplicationName, StoreError> {
    let name = item.get("sk").and_then(|sk| sk.as_s().ok()).and_then(|sk| sk.parse().ok());
    name.ok_or_else(|| malformed(TABLE, "a listed name is none"))
}
