//! The making of a table, whole.

use dynoxide::actions::create_table::{CreateTableRequest, CreateTableResponse};
use dynoxide::actions::delete_table::DeleteTableRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{Database, DynoxideError};

/// Makes a table. The engine does so in two commits, first its description, then what holds its rows. A process that ended
/// between them, or found no room for the second, leaves a table that refuses every call and is said to exist: such a one
/// never had a row, and is made anew.
pub(super) fn create(
    database: &Database,
    request: CreateTableRequest,
) -> Result<CreateTableResponse, DynoxideError> {
    let name = request.table_name.clone();
    if database.get_table_metadata(&name)?.is_some() && is_torn(database, &name)? {
        tracing::warn!(table = name, "a table was made by half; it is made anew");
        database.delete_table(DeleteTableRequest { table_name: name })?;
    }
    database.create_table(request)
}

/// Whether SQLite has no such table.
fn is_torn(database: &Database, name: &str) -> Result<bool, DynoxideError> {
    let first = ScanRequest { table_name: name.to_owned(), limit: Some(1), ..ScanRequest::default() };
    match database.scan(first) {
        Ok(_) => Ok(false),
        Err(error) if error.to_string().contains("no such table") => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use crate::DynamoWire;

    /// SQLite's log: its header, and for each page of a commit a frame.
    const HEADER: usize = 32;
    const FRAME: usize = 24 + 4096;

    async fn make_and_use(file: &Path) -> DynamoWire {
        let (store, ..) = DynamoWire::open(file).unwrap();
        let table = json!({
            "TableName": "table",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        });
        if let Err(reason) = store.ask("CreateTable", &table).await {
            assert!(reason.contains("ResourceInUseException"), "{reason}");
        }
        let item = json!({"TableName": "table", "Item": {"pk": {"S": "a"}}});
        store.ask("PutItem", &item).await.unwrap();
        store
    }

    /// I9: a first start may end at any commit; the next one makes whole what it finds.
    #[tokio::test]
    async fn a_start_may_end_at_any_commit() {
        let directory = tempfile::tempdir().unwrap();
        let whole = directory.path().join("whole.db");
        let _open = make_and_use(&whole).await;
        let (database, log) = (std::fs::read(&whole).unwrap(), std::fs::read(with_wal(&whole)).unwrap());
        let frames = (log.len() - HEADER) / FRAME;
        assert!(frames > 10, "{frames} frames");
        for frames in 0..=frames {
            let cut = directory.path().join(format!("{frames}.db"));
            std::fs::write(&cut, &database).unwrap();
            std::fs::write(with_wal(&cut), &log[..HEADER + frames * FRAME]).unwrap();
            make_and_use(&cut).await;
        }
    }

    fn with_wal(file: &Path) -> std::path::PathBuf {
        let mut log = file.as_os_str().to_owned();
        log.push("-wal");
        log.into()
    }
}
