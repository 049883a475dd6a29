use std::collections::BTreeMap;
use std::time::Duration;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use signalbox_domain::{Addressee, Owner, Refusal, ServerKey, Work};
use signalbox_gateway::http::{empty, json, ok};
use signalbox_wire::{AudienceAnswer, AudienceChange, AudienceChanged, Member, MemberList, RefusedMember};

use crate::accept::audience_name;
use crate::asked::{addressee, let_others_work};
use crate::{Fanout, failed};

/// A change that is under way when an audience is deleted is over by then.
const BEFORE_THE_SWEEP: Duration = Duration::from_secs(60);

impl Fanout {
    /// Whose the server's audiences are: those of the application that it is registered for, so that its keys can change; else
    /// its own. 1 read.
    pub(crate) async fn owner(&self, server: &ServerKey) -> Result<Owner, Refusal> {
        let application = self.context.store.application_of(server).await.map_err(failed)?;
        Ok(application.map_or_else(|| Owner::of(server), |name| Owner::of_application(&name)))
    }

    /// `PATCH /v1/audiences/{name}`: adds members and removes others; the audience is made where there is none. What a token
    /// tells by itself is refused; whether its session lives is found out when it is notified. 1 read, 1 write, and 1 call for
    /// every 25.
    pub(crate) async fn change_audience(
        &self,
        request: &Request,
        server: &ServerKey,
    ) -> Result<Response<Body>, Refusal> {
        let name = audience_name(request)?;
        let change: AudienceChange = json(request)?;
        let mut changed = AudienceChanged::default();
        let removed = self.members(server, MemberList::Remove, &change.remove, &mut changed).await?;
        let added = self.members(server, MemberList::Add, &change.add, &mut changed).await?;
        let store = &self.context.store;
        let owner = self.owner(server).await?;
        let audience = store.open_audience(owner, &name).await.map_err(failed)?;
        // One that is in both lists is a member in the end.
        let gone: Vec<_> = removed
            .iter()
            .filter(|(session, _)| !added.contains_key(*session))
            .map(|(session, _)| *session)
            .collect();
        store.remove_members(&audience, &gone).await.map_err(failed)?;
        let new: Vec<_> = added.into_values().collect();
        store.add_members(&audience, &new).await.map_err(failed)?;
        (changed.added, changed.removed) = (new.len() as u64, gone.len() as u64);
        tracing::info!(added = changed.added, removed = changed.removed, "audience changed");
        Ok(ok(&changed))
    }

    /// The sessions of a list, each once with the last of its tokens. 0 calls.
    async fn members(
        &self,
        server: &ServerKey,
        list: MemberList,
        members: &[Member],
        changed: &mut AudienceChanged,
    ) -> Result<BTreeMap<(signalbox_domain::TerminalId, signalbox_wire::ChannelId), Addressee>, Refusal> {
        let mut sessions = BTreeMap::new();
        for (index, member) in members.iter().enumerate() {
            let_others_work(index).await;
            match addressee(&self.context, server, member.shown()).await {
                Ok(member) => {
                    sessions.insert((member.terminal, member.channel), member);
                }
                Err(Refusal::Unavailable) => return Err(Refusal::Unavailable),
                Err(refusal) => changed.refused.push(RefusedMember {
                    list,
                    index: u32::try_from(index).unwrap_or(u32::MAX),
                    status: refusal.status(),
                    kind: refusal.kind().urn(),
                }),
            }
        }
        Ok(sessions)
    }

    /// `GET /v1/audiences/{name}`: how many members it has. 2 reads, and 1 for each MB of members, 4 at least.
    pub(crate) async fn audience_size(
        &self,
        request: &Request,
        server: &ServerKey,
    ) -> Result<Response<Body>, Refusal> {
        let audience = self.audience(request, server).await?;
        let size = self.context.store.count_members(&audience, false).await.map_err(failed)?;
        Ok(ok(&AudienceAnswer { name: audience.name.as_str().to_owned(), size: size.members }))
    }

    /// `DELETE /v1/audiences/{name}`: 204, also where there is none. Its members' rows are swept a minute later: what is under way
    /// for it then reaches nobody more. 2 reads, 1 write, 1 call of the queue.
    pub(crate) async fn delete_audience(
        &self,
        request: &Request,
        server: &ServerKey,
    ) -> Result<Response<Body>, Refusal> {
        let name = audience_name(request)?;
        let owner = self.owner(server).await?;
        let Some(audience) = self.context.store.audience(owner, &name).await.map_err(failed)? else {
            return Ok(empty(StatusCode::NO_CONTENT));
        };
        // First, as nobody would do it for an audience that has ended; the sweep leaves one alone that has not.
        let sweep = [Work::Sweep { audience }];
        self.context.pages.send(&sweep, BEFORE_THE_SWEEP).await.map_err(failed)?;
        self.context.store.end_audience(owner, &name).await.map_err(failed)?;
        tracing::info!("audience deleted");
        Ok(empty(StatusCode::NO_CONTENT))
    }
}
