use std::time::Duration;

use signalbox::client::Terminal;
use signalbox_domain::{TerminalId, Uaid};
use signalbox_wire::{Notification, base64url};

use crate::support::{App, PATIENCE, Server, Service, http, next};

/// So many acknowledgements are taken before an answer is late, however many have come during a long deployment.
const AT_ONCE: usize = 20;
/// Between two looks, or two sendings.
const PAUSE: Duration = Duration::from_millis(200);

/// A terminal on one connection, and a server that sends to it.
pub(super) struct Flow {
    /// Others, which are quiet until it is asked whether they are still there.
    others: Vec<(Terminal, App)>,
    pub(super) service: Service,
    pub(super) server: Server,
    pub(super) terminal: Terminal,
    pub(super) uaid: String,
    pub(super) app: App,
    pushed: u32,
    /// What has come a second time, not yet acknowledged.
    twice: Vec<Notification>,
}

impl Flow {
    pub(super) async fn begin(service: Service) -> Self {
        let (mut terminal, hello) = service.terminal().await;
        let app = App::register(&mut terminal, None, None).await;
        let mut others = Vec::new();
        for _ in 0..2 {
            let (mut terminal, _) = service.terminal().await;
            let app = App::register(&mut terminal, None, None).await;
            others.push((terminal, app));
        }
        Self {
            others,
            service,
            server: Server::new(),
            terminal,
            uaid: hello.uaid,
            app,
            pushed: 0,
            twice: Vec::new(),
        }
    }

    /// One more notification arrives, on the connection that the terminal has always been on, and is acknowledged.
    pub(super) async fn push(&mut self) {
        let came = self.send_and_get().await;
        self.acknowledge(vec![came]).await;
    }

    pub(super) async fn acknowledge(&mut self, mut came: Vec<Notification>) {
        came.append(&mut self.twice);
        acknowledge(&mut self.terminal, &came).await;
    }

    pub(super) async fn send_and_get(&mut self) -> Notification {
        self.pushed += 1;
        let text = self.pushed.to_string();
        self.until_accepted(&text).await;
        loop {
            let came = next(&mut self.terminal).await;
            let read = self.app.read(&came);
            if read == text {
                return came;
            }
            // What was accepted without an answer was sent again.
            assert!(read.parse::<u32>().unwrap() < self.pushed, "{read} comes before {text}");
            self.twice.push(came);
        }
    }

    /// The terminal comes again and acknowledges what has waited for it: what an instance stored that was ended before it posted
    /// or answered was not accepted, was sent again, and is there until the next `hello`.
    pub(super) async fn come_again(&mut self, waiting: impl AsyncFn() -> usize) {
        self.terminal = self.service.again(&self.uaid).await;
        let nothing_waits = async {
            while waiting().await > 0 {
                while let Ok(came) = tokio::time::timeout(PAUSE, next(&mut self.terminal)).await {
                    acknowledge(&mut self.terminal, &[came]).await;
                }
            }
        };
        tokio::time::timeout(PATIENCE, nothing_waits)
            .await
            .expect("all that waits comes, and is acknowledged");
    }

    /// Sends as a server does: what is answered 500 or more is sent again, after a pause.
    async fn until_accepted(&self, text: &str) {
        let accepted = async {
            loop {
                let answer = self.service.send(&self.server, &self.app, text).await;
                match answer.status().as_u16() {
                    201 => break,
                    500.. => tokio::time::sleep(PAUSE).await,
                    status => panic!("{status} {}", answer.text().await.unwrap_or_default()),
                }
            }
        };
        tokio::time::timeout(PATIENCE, accepted).await.expect("it is accepted in the end");
    }

    /// One notification for each of the others, on the connection that it has always been on.
    async fn push_to_others(&mut self) {
        for (terminal, app) in &mut self.others {
            self.service.deliver(&self.server, app, "still there").await;
            let came = next(terminal).await;
            assert_eq!(app.read(&came), "still there");
            acknowledge(terminal, &[came]).await;
        }
    }

    /// Sends until this has come about; how many notifications arrived meanwhile. The other terminals are still there then.
    ///
    /// They are acknowledged afterwards: the emulator ends an instance that is replaced, whatever it is about, and shows the
    /// terminal that its acknowledgement was not taken. A server sends again.
    pub(super) async fn push_while<T>(&mut self, until: impl Future<Output = T>) -> (T, usize) {
        let mut arrived = Vec::new();
        let mut until = std::pin::pin!(until);
        let done = loop {
            arrived.push(self.send_and_get().await);
            tokio::select! {
                biased;
                done = &mut until => break done,
                () = tokio::time::sleep(PAUSE) => {}
            }
        };
        self.push_to_others().await;
        let count = arrived.len();
        self.acknowledge(arrived).await;
        (done, count)
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

/// They are acknowledged, and that is taken: the emulator hands one message of a connection on at a time.
async fn acknowledge(terminal: &mut Terminal, notifications: &[Notification]) {
    for some in notifications.chunks(AT_ONCE) {
        for notification in some {
            terminal.acknowledge(notification).await.unwrap();
        }
        terminal.ping().await.unwrap();
        terminal.pong().await.unwrap();
    }
}

/// The id of the key that a token, a version or another name was sealed under.
pub(super) fn key_of(sealed: &str) -> u8 {
    base64url::decode(sealed).unwrap()[1]
}
