use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::PATIENCE;

/// The browser's remote control: TCP, and frames of `LENGTH:JSON`. What geckodriver would translate to is spoken here
/// directly, which saves a program that Debian does not package.
pub struct Marionette {
    stream: BufStream<TcpStream>,
    commands: u64,
}

impl Marionette {
    /// Connects and opens the one session that there may be.
    pub async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the browser listens on its port");
        let mut marionette = Self { stream: BufStream::new(stream), commands: 0 };
        let greeting = timeout(PATIENCE, marionette.receive()).await.expect("the browser greets");
        assert_eq!(greeting["marionetteProtocol"], 3, "{greeting}");
        marionette.call("WebDriver:NewSession", json!({})).await;
        marionette
    }

    /// One command and its result. A test cannot go on without it, so a failure ends the test.
    pub async fn call(&mut self, command: &str, parameters: Value) -> Value {
        self.commands += 1;
        let id = self.commands;
        let answer = timeout(PATIENCE, async {
            self.send(&json!([0, id, command, parameters])).await;
            self.receive().await
        });
        let mut answer = answer.await.unwrap_or_else(|_| panic!("{command} was not answered"));
        assert_eq!((&answer[0], &answer[1]), (&json!(1), &json!(id)), "{answer}");
        assert!(answer[2].is_null(), "{command} failed: {}: {}", answer[2]["error"], answer[2]["message"]);
        answer[3].take()
    }

    async fn send(&mut self, message: &Value) {
        let message = message.to_string();
        let frame = format!("{}:{message}", message.len());
        self.stream.write_all(frame.as_bytes()).await.expect("the browser takes commands");
        self.stream.flush().await.expect("the browser takes commands");
    }

    async fn receive(&mut self) -> Value {
        let mut length = Vec::new();
        self.stream.read_until(b':', &mut length).await.expect("the browser answers");
        let length = String::from_utf8_lossy(&length);
        let length = length.strip_suffix(':').and_then(|length| length.parse().ok());
        let mut message = vec![0; length.expect("a frame begins with its length; the browser is gone")];
        self.stream.read_exact(&mut message).await.expect("the browser answers");
        serde_json::from_slice(&message).expect("JSON")
    }
}
