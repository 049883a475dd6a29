use std::error::Error;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use signalbox_wire::{ApplicationRegistration, AuthorizationWord};
use url::Url;

use super::client::{Trust, say};
use crate::client::{Operator, read_private};
use crate::host::{OPERATOR_KEY, OPERATOR_SOCKET};

/// The registry of applications.
#[derive(Debug, Args)]
pub struct ApplicationOptions {
    #[command(subcommand)]
    command: Command,
    /// The data directory of the service; its operator's socket is there.
    #[arg(long, global = true, env = "SIGNALBOX_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Where the service listens for operators (--admin-listen), in place of the socket.
    #[arg(long, global = true, env = "SIGNALBOX_ADMIN_URL", value_name = "URL")]
    admin_url: Option<Url>,
    /// The file with the key that is needed there; by default operator.key in the data directory.
    #[arg(long, global = true, env = "SIGNALBOX_ADMIN_KEY", value_name = "FILE")]
    admin_key: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register an application, or replace its whole registration: its name is its servers' own from then on.
    Register {
        /// The name under which it asks for sessions.
        app: String,
        /// The VAPID public key of one of its servers, in base64url; once for each. Those that it had and that are not
        /// given count no more.
        #[arg(long = "key", required = true, value_name = "KEY")]
        keys: Vec<String>,
        /// What makes a server authorized for its sessions; where it is not given, what does for all, also if it was given before.
        #[arg(long)]
        authorization: Option<Mode>,
    },
    /// Add a server's key to those of an application. What else is registered stays, and what others change meanwhile.
    AddKey {
        /// Its name.
        app: String,
        /// The VAPID public key, in base64url.
        key: String,
    },
    /// Take a server's key from those of an application: from then on it counts no more.
    RemoveKey {
        /// Its name.
        app: String,
        /// The VAPID public key, in base64url.
        key: String,
    },
    /// Show what an application is registered with.
    Show {
        /// Its name.
        app: String,
    },
    /// List the names of all registered applications.
    List,
    /// End an application's registration: its name is everybody's again.
    Remove {
        /// Its name.
        app: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// A genuine token of one of its servers counts as its own validation.
    Implicit,
    /// Nothing is delivered before one of its servers has validated.
    Explicit,
}

impl ApplicationOptions {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        let operator = self.operator()?;
        match self.command {
            Command::Register { app, keys, authorization } => {
                let authorization = authorization.map(|mode| match mode {
                    Mode::Implicit => AuthorizationWord::Implicit,
                    Mode::Explicit => AuthorizationWord::Explicit,
                });
                let registration = ApplicationRegistration { server_keys: keys, authorization };
                show(&operator.register(&app, &registration).await?)
            }
            Command::AddKey { app, key } => show(
                &operator
                    .change_keys(&app, |keys| {
                        if !keys.contains(&key) {
                            keys.push(key.clone());
                        }
                    })
                    .await?,
            ),
            Command::RemoveKey { app, key } => {
                let has = operator.application(&app).await?.server_keys;
                if !has.contains(&key) {
                    return Err(format!("{key} is none of the keys of {app}: {}", has.join(", ")).into());
                }
                show(&operator.change_keys(&app, |keys| keys.retain(|one| *one != key)).await?)
            }
            Command::Show { app } => show(&operator.application(&app).await?),
            Command::List => {
                for name in operator.applications().await? {
                    say(&name)?;
                }
                Ok(())
            }
            Command::Remove { app } => Ok(operator.remove(&app).await?),
        }
    }

    fn operator(&self) -> Result<Operator, Box<dyn Error>> {
        let Some(url) = &self.admin_url else {
            let socket = self.data.join(OPERATOR_SOCKET);
            if !socket.exists() {
                let socket = socket.display();
                return Err(
                    format!("{socket} is not there: is the service running on this data directory?").into()
                );
            }
            return Ok(Operator::by_socket(&socket)?);
        };
        let file = self.admin_key.clone().unwrap_or_else(|| self.data.join(OPERATOR_KEY));
        let key = read_private(&file)?.ok_or_else(|| format!("{} is not there", file.display()))?;
        let ca = self.trust.read()?;
        Ok(Operator::by_listener(url.clone(), key.trim_end().to_owned(), ca.as_deref())?)
    }
}

fn show(answer: &impl Serialize) -> Result<(), Box<dyn Error>> {
    Ok(say(&serde_json::to_string(answer)?)?)
}
