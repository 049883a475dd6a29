//! Every refusal, of the application server's calls and of the terminal's messages: tables of rows, each a mistake and what
//! it is answered. [`coverage`] holds them against the kinds and reasons that there are.

mod coverage;
mod draft;
mod fanout;
mod push;
mod resources;
mod row;
mod scene;
mod terminal;
mod tokens;
mod vapid;
