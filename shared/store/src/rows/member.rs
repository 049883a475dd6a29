use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use signalbox_domain::{Addressee, Audience, AudienceName, HashRange, Owner, TerminalId, TokenDigest};
use signalbox_wire::ChannelId;

use super::{item, key_of, malformed, row};
use crate::StoreError;
use crate::expression::Attributes;

const TABLE: &str = "fanout";
/// The sort key of an audience's own row.
const AUDIENCE: &str = "A";

/// An audience's own row.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AudienceRow {
    pub(crate) generation: u64,
    /// False once it has been deleted, until a member is added again.
    pub(crate) live: bool,
}

pub(crate) fn audience_key(owner: Owner, name: &AudienceName) -> Attributes {
    key_of(format!("A#{owner}#{}", name.as_str()), AUDIENCE)
}

impl AudienceRow {
    pub(crate) fn read(item: Attributes) -> Result<Self, StoreError> {
        row(TABLE, item)
    }
}

/// A member's row. The token as a digest, so that who reads the table can send to nobody.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MemberRow {
    pk: String,
    sk: String,
    token: ByteBuf,
}

/// The partition of some of an audience's members.
pub(crate) fn members_partition(audience: &Audience, shard: u32) -> String {
    format!("M#{}#{}#{}#{shard}", audience.owner, audience.name.as_str(), audience.generation)
}

pub(crate) fn member_key(audience: &Audience, terminal: TerminalId, channel: &ChannelId) -> Attributes {
    key_of(members_partition(audience, HashRange::shard_of(&terminal)), sort_key(terminal, channel))
}

/// Sorts by the terminal's id, which base64url does not.
fn sort_key(terminal: TerminalId, channel: &ChannelId) -> String {
    format!("{:032x}#{channel}", u128::from_be_bytes(*terminal.as_bytes()))
}

/// The sort keys of terminals whose ids begin with these 32 bits, from the first to the last.
pub(crate) fn sort_keys(from: u32, to: u32) -> (String, String) {
    // Behind every hexadecimal digit.
    (format!("{from:08x}"), format!("{to:08x}~"))
}

impl MemberRow {
    pub(crate) fn item(audience: &Audience, member: &Addressee) -> Result<Attributes, StoreError> {
        let row = Self {
            pk: members_partition(audience, HashRange::shard_of(&member.terminal)),
            sk: sort_key(member.terminal, &member.channel),
            token: ByteBuf::from(*member.token.as_bytes()),
        };
        item(TABLE, &row)
    }

    pub(crate) fn read(item: Attributes) -> Result<Addressee, StoreError> {
        let row: Self = row(TABLE, item)?;
        let wrong = || malformed(TABLE, "a member's sk names no session");
        let (terminal, channel) = row.sk.split_once('#').ok_or_else(wrong)?;
        let terminal = u128::from_str_radix(terminal, 16).map_err(|_| wrong())?;
        Ok(Addressee {
            terminal: TerminalId::from_bytes(terminal.to_be_bytes()),
            channel: channel.parse().map_err(|_| wrong())?,
            token: TokenDigest::from_bytes(&row.token)
                .ok_or_else(|| malformed(TABLE, "a digest has not 32 bytes"))?,
        })
    }
}
