use std::time::Duration;

use signalbox::client::Terminal;
use signalbox_domain::{TerminalId, Uaid};
use signalbox_wire::base64url;

use crate::support::{App, PATIENCE, Server, Service, http, next};

/// A terminal on one connection, and a server that sends to it.
pub(super) struct Flow {
    pub(super) service: Service,
    pub(super) server: Server,
    pub(super) terminal: Terminal,
    pub(super) uaid: String,
    pub(super) app: App,
    pushed: u32,
}

impl Flow {
    pub(super) async fn begin(service: Service) -> Self {
        let (mut terminal, hello) = service.terminal().await;
        let app = App::register(&mut terminal, None, None).await;
        Self { service, server: Server::new(), terminal, uaid: hello.uaid, app, pushed: 0 }
    }

    /// One more notification arrives, on the connection that the terminal has always been on, and is acknowledged.
    pub(super) async fn push(&mut self) {
        self.pushed += 1;
        let text = self.pushed.to_string();
        self.until_accepted(&text).await;
        let came = next(&mut self.terminal).await;
        assert_eq!(self.app.read(&came), text);
        self.terminal.acknowledge(&came).await.unwrap();
    }

    /// Sends as a server does: what is answered 500 or more is sent again, after a pause.
    async fn until_accepted(&self, text: &str) {
        let accepted = async {
            loop {
                let answer = self.service.send(&self.server, &self.app, text).await;
                match answer.status().as_u16() {
                    201 => break,
                    500.. => tokio::time::sleep(Duration::from_millis(200)).await,
                    status => panic!("{status} {}", answer.text().await.unwrap_or_default()),
                }
            }
        };
        tokio::time::timeout(PATIENCE, accepted).await.expect("it is accepted in the end");
    }

    /// Sends until this has come about; how many notifications arrived meanwhile.
    pub(super) async fn push_while<T>(&mut self, until: impl Future<Output = T>) -> (T, u32) {
        let before = self.pushed;
        let mut until = std::pin::pin!(until);
        loop {
            self.push().await;
            tokio::select! {
                biased;
                done = &mut until => return (done, self.pushed - before),
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
        }
    }

    /// The terminal's key in the tables.
    pub(super) fn terminal_id(&self) -> String {
        TerminalId::of(&self.uaid.parse::<Uaid>().unwrap()).to_string()
    }

    /// The status of a notification whose body has this size.
    pub(super) async fn status_of(&self, size: usize) -> u16 {
        let push = self.server.sign(self.app.push(""), &self.service.public_url).header("Topic", "size");
        let mut request = push.build().unwrap();
        *request.body_mut() = Some(vec![0_u8; size].into());
        request.headers_mut().insert("ttl", "0".parse().unwrap());
        http().execute(request).await.unwrap().status().as_u16()
    }
}

/// The id of the key that a token, a version or another name was sealed under.
pub(super) fn key_of(sealed: &str) -> u8 {
    base64url::decode(sealed).unwrap()[1]
}
