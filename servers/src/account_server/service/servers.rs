//! What DCs and RSs ask.

use std::net::IpAddr;
use std::time::Duration;

use ntm_account::record::{Dc, Enrolment as Token, Fleet, Hash, Rs, hash_of};
use ntm_account::{Decided, Refusal, Registrar};
use ntm_account_api::error::ErrorCode;
use ntm_account_api::invitation::{CODE_LEN, Enrolment};
use ntm_account_api::server::{
    DcAddrs, DcEnrolled, EnrolDc, EnrolRs, EnrolmentToken, NewEnrolment, RsEnrolled, RsSetup,
    ServerRole, V4Block,
};
use ntm_wire::key::SecretKey;

use super::{Service, TRIES, is_number_taken};
use crate::account_server::problem::refusal;

impl Service {
    pub(in crate::account_server) async fn new_enrolment(
        &self,
        secret: &SecretKey,
        asked: NewEnrolment,
    ) -> Result<EnrolmentToken, Refusal> {
        let asker = self.asker(secret).await?;
        let fleet = self.store.fleet().await.map_err(refusal)?;
        let lifetime = Duration::from_secs(asked.lifetime_s);
        let now = self.now();
        let who = (&asker.device, &asker.account);
        let decided = self.decide(|r| r.enrolment(now, who, &fleet, asked.role, lifetime))?;
        let enrolment = Enrolment {
            code: self.carry_out(decided).await?,
            server: self.server.clone(),
        };
        Ok(EnrolmentToken {
            token: enrolment.to_string(),
        })
    }

    /// The operator's own token.
    pub(in crate::account_server) async fn own_enrolment(
        &self,
        role: ServerRole,
        lifetime: Duration,
    ) -> Result<[u8; CODE_LEN], Refusal> {
        let fleet = self.store.fleet().await.map_err(refusal)?;
        let now = self.now();
        let decided = self.decide(|r| r.operator_enrolment(now, &fleet, role, lifetime))?;
        self.carry_out(decided).await
    }

    pub(in crate::account_server) async fn enrol_dc(
        &self,
        source: IpAddr,
        asked: EnrolDc,
    ) -> Result<DcEnrolled, Refusal> {
        self.attempt(source, None)?;
        let hash = hash_of(&asked.code.0);
        let now = self.now();
        self.until_free(Some(&hash), |r, fleet, enrolment| {
            r.enrol_dc(now, fleet, enrolment, &asked)
        })
        .await
    }

    pub(in crate::account_server) async fn enrol_rs(
        &self,
        source: IpAddr,
        asked: EnrolRs,
    ) -> Result<RsEnrolled, Refusal> {
        self.attempt(source, None)?;
        let hash = hash_of(&asked.code.0);
        let now = self.now();
        self.until_free(Some(&hash), |r, fleet, enrolment| {
            r.enrol_rs(now, fleet, enrolment, &asked)
        })
        .await
    }

    /// Decides again as long as others take the number, key or block that was decided on.
    async fn until_free<A>(
        &self,
        token: Option<&Hash>,
        decide: impl Fn(&mut Registrar, &Fleet, Option<&Token>) -> Result<Decided<A>, Refusal>,
    ) -> Result<A, Refusal> {
        let mut tries = 1..TRIES;
        loop {
            let fleet = self.store.fleet().await.map_err(refusal)?;
            let token = match token {
                Some(hash) => self.store.enrolment(hash).await.map_err(refusal)?,
                None => None,
            };
            let decided = self.decide(|r| decide(r, &fleet, token.as_ref()))?;
            match self.write(decided).await {
                Err(error) if is_number_taken(&error) && tries.next().is_some() => {}
                done => return done.map_err(refusal),
            }
        }
    }

    pub(in crate::account_server) async fn move_dc(
        &self,
        secret: &SecretKey,
        asked: DcAddrs,
    ) -> Result<(), Refusal> {
        let (fleet, dc) = self.dc(secret).await?;
        let decided = self.decide(|r| r.move_dc(&fleet, &dc, asked.addrs));
        self.carry_out(decided).await
    }

    pub(in crate::account_server) async fn more_room(
        &self,
        secret: &SecretKey,
    ) -> Result<Vec<V4Block>, Refusal> {
        let (_, dc) = self.dc(secret).await?;
        let devices = self.store.devices_ever(dc.id).await.map_err(refusal)?;
        let unknown = || Refusal::new(ErrorCode::NotSignedIn);
        self.until_free(None, |r, fleet, _| {
            let dc = fleet.dc(dc.id).ok_or_else(unknown)?;
            r.more_room(fleet, dc, devices)
        })
        .await
    }

    pub(in crate::account_server) async fn rs_setup(
        &self,
        secret: &SecretKey,
    ) -> Result<RsSetup, Refusal> {
        let fleet = self.store.fleet().await.map_err(refusal)?;
        let secret = hash_of(secret.expose());
        let rs = find(&fleet.relays, &secret, |r: &Rs| &r.secret)?;
        Ok(self.decide(|r| r.rs_setup(&fleet, rs.id)))
    }

    /// Which DC's secret this is, among all servers.
    pub(super) async fn dc(&self, secret: &SecretKey) -> Result<(Fleet, Dc), Refusal> {
        let fleet = self.store.fleet().await.map_err(refusal)?;
        let secret = hash_of(secret.expose());
        let dc = find(&fleet.dcs, &secret, |d: &Dc| &d.secret)?.clone();
        Ok((fleet, dc))
    }
}

fn find<'a, T>(
    servers: &'a [T],
    secret: &Hash,
    of: impl Fn(&T) -> &Hash,
) -> Result<&'a T, Refusal> {
    let message = "this server is not enrolled here: have a new enrolment token made";
    servers
        .iter()
        .find(|s| of(s) == secret)
        .ok_or_else(|| Refusal::because(ErrorCode::NotSignedIn, message))
}
