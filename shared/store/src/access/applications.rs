use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use signalbox_domain::{Application, ApplicationHint, ApplicationName, ServerKey};

use super::transaction::{Transaction, failed};
use crate::expression::{Attributes, bytes, names, number, text, values};
use crate::rows::{
    ApplicationRow, KeyRow, NAMES, Replica, application_key, listed_name, name_key, server_key_key,
};
use crate::{Store, StoreError};

/// The condition that an application is what was read of it. Its keys too: one that was removed and registered anew begins at
/// the first revision again.
const UNCHANGED: &str = "#revision = :revision AND #keys = :keys";

fn unchanged(application: &Application) -> Option<Attributes> {
    let keys = application.registration.keys.iter().map(|key| bytes(key.as_bytes()));
    values([(":revision", number(application.revision)), (":keys", AttributeValue::L(keys.collect()))])
}

/// What a change of an application's registration came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registering {
    /// It is registered so.
    Done,
    /// This key belongs to another application.
    KeyTaken(ServerKey),
    /// The application is not what was read: somebody changed it meanwhile.
    Changed,
}

/// Some applications' names, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamesPage {
    /// The names.
    pub names: Vec<ApplicationName>,
    /// Behind which there are more.
    pub next: Option<ApplicationName>,
}

impl Store {
    /// Reads an application's registration, if it is registered. 1 call, 1 read unit for each 4 KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn application(&self, name: &ApplicationName) -> Result<Option<Application>, StoreError> {
        let get = self.dynamo.get_item().table_name(&self.tables.applications).consistent_read(true);
        let answer =
            get.set_key(Some(application_key(ApplicationHint::of(name), Replica::FIRST))).send().await?;
        let application = answer.item.map(ApplicationRow::read).transpose()?;
        Ok(application.filter(|application| application.name == *name))
    }

    /// Reads the registrations of those of these applications that are registered. 1 call for every 100, none for none, 1 read
    /// unit for each 4 KB.
    ///
    /// # Errors
    /// [`StoreError`]; also where not all could be read.
    pub async fn applications(
        &self,
        of: impl IntoIterator<Item = &ApplicationName>,
    ) -> Result<HashMap<ApplicationName, Application>, StoreError> {
        // A batch may name no item twice.
        let hints: HashSet<_> = of.into_iter().map(ApplicationHint::of).collect();
        let keys: Vec<_> = hints.into_iter().map(|hint| application_key(hint, Replica::FIRST)).collect();
        let mut applications = HashMap::with_capacity(keys.len());
        for item in self.get_all(&self.tables.applications, keys).await? {
            let application = ApplicationRow::read(item)?;
            applications.insert(application.name.clone(), application);
        }
        Ok(applications)
    }

    /// The application that this server's key is registered for, if there is one. 1 call, 1 read unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn application_of(&self, server: &ServerKey) -> Result<Option<ApplicationName>, StoreError> {
        let get = self.dynamo.get_item().table_name(&self.tables.applications).consistent_read(true);
        get.set_key(Some(server_key_key(server))).send().await?.item.map(KeyRow::read).transpose()
    }

    /// Lists registered applications by name, so many at most. 1 call, 1 read unit for each 4 KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn application_names(
        &self,
        after: Option<&ApplicationName>,
        limit: i32,
    ) -> Result<NamesPage, StoreError> {
        let answer = self
            .dynamo
            .query()
            .table_name(&self.tables.applications)
            .consistent_read(true)
            .key_condition_expression("pk = :names")
            .set_expression_attribute_values(values([(":names", text(NAMES))]))
            .set_exclusive_start_key(after.map(name_key))
            .limit(limit)
            .send()
            .await?;
        let names = answer.items.unwrap_or_default().iter().map(listed_name).collect::<Result<_, _>>()?;
        let next = answer.last_evaluated_key.as_ref().map(listed_name).transpose()?;
        Ok(NamesPage { names, next })
    }

    /// Registers an application, or changes what was read of it, with all its keys or not at all. 1 call; 2 write units for each
    /// of its 16 replicas and KB, 2 for its name where it is new, and 2 for each key that comes or goes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_application(
        &self,
        before: Option<&Application>,
        after: &Application,
    ) -> Result<Registering, StoreError> {
        const ABSENT: &str = "attribute_not_exists(pk)";
        const FREE: &str = "attribute_not_exists(pk) OR #application = :application";
        let table = &self.tables.applications;
        let put = Put::builder().table_name(table);
        let put = put.set_item(Some(ApplicationRow::item(after, Replica::FIRST)?));
        let put = match before {
            None => put.condition_expression(ABSENT),
            Some(before) => put
                .condition_expression(UNCHANGED)
                .set_expression_attribute_names(names(&[UNCHANGED]))
                .set_expression_attribute_values(unchanged(before)),
        };
        let mut writes = vec![TransactWriteItem::builder().put(put.build()?).build()];
        let had = |key: &ServerKey| before.is_some_and(|before| before.has(key));
        let new: Vec<_> = after.registration.keys.iter().filter(|key| !had(key)).collect();
        for key in &new {
            let put = Put::builder()
                .table_name(table)
                .set_item(Some(KeyRow::item(key, &after.name)))
                .condition_expression(FREE)
                .set_expression_attribute_names(names(&[FREE]))
                .set_expression_attribute_values(values([(":application", text(&after.name))]));
            writes.push(TransactWriteItem::builder().put(put.build()?).build());
        }
        for replica in Replica::all().skip(1) {
            writes.push(self.put(ApplicationRow::item(after, replica)?)?);
        }
        match before {
            None => writes.push(self.put(name_key(&after.name))?),
            Some(before) => {
                for key in before.registration.keys.iter().filter(|key| !after.has(key)) {
                    writes.push(self.free(key, &before.name)?);
                }
            }
        }
        Ok(match self.transact(writes).await? {
            Transaction::Done => Registering::Done,
            Transaction::Refused(reasons) => {
                let taken = new.iter().enumerate().find(|(index, _)| failed(&reasons, index + 1));
                match taken {
                    // Whoever is told of a key must have read the application as it is.
                    Some((_, key)) if !failed(&reasons, 0) => Registering::KeyTaken(**key),
                    _ => Registering::Changed,
                }
            }
        })
    }

    /// Ends an application's registration, as it was read, and frees its keys. Says whether it was still that. 1 call; 2 write
    /// units for each of its 16 replicas and KB, its name, and each key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove_application(&self, application: &Application) -> Result<bool, StoreError> {
        let hint = ApplicationHint::of(&application.name);
        let delete = Delete::builder()
            .table_name(&self.tables.applications)
            .set_key(Some(application_key(hint, Replica::FIRST)))
            .condition_expression(UNCHANGED)
            .set_expression_attribute_names(names(&[UNCHANGED]))
            .set_expression_attribute_values(unchanged(application));
        let mut writes = vec![TransactWriteItem::builder().delete(delete.build()?).build()];
        for replica in Replica::all().skip(1) {
            writes.push(self.delete(application_key(hint, replica))?);
        }
        writes.push(self.delete(name_key(&application.name))?);
        for key in application.registration.keys.iter() {
            writes.push(self.free(key, &application.name)?);
        }
        Ok(matches!(self.transact(writes).await?, Transaction::Done))
    }

    /// Gives up a key, if it is the application's.
    fn free(&self, key: &ServerKey, application: &ApplicationName) -> Result<TransactWriteItem, StoreError> {
        const ITS_OWN: &str = "#application = :application";
        let delete = Delete::builder()
            .table_name(&self.tables.applications)
            .set_key(Some(server_key_key(key)))
            .condition_expression(ITS_OWN)
            .set_expression_attribute_names(names(&[ITS_OWN]))
            .set_expression_attribute_values(values([(":application", text(application))]));
        Ok(TransactWriteItem::builder().delete(delete.build()?).build())
    }

    fn put(&self, item: Attributes) -> Result<TransactWriteItem, StoreError> {
        let put = Put::builder().table_name(&self.tables.applications).set_item(Some(item)).build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    fn delete(&self, key: Attributes) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder().table_name(&self.tables.applications).set_key(Some(key)).build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }
}
