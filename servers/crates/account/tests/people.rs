//! Sign-up, devices, tickets.

use ntm_account::Registration;
use ntm_account::{Note, Refusal};
use ntm_account_api::error::ErrorCode;
use ntm_wire::id::DcId;
use ntm_wire::key::SecretKey;
use ntm_wire::ticket::{TICKET_LIFETIME, Ticket, TicketError};
use std::time::Duration;

use crate::ledger::{DAY, Ledger, Person, fqdn};

fn code_of<T>(result: Result<T, Refusal>) -> ErrorCode {
    result.map(drop).expect_err("this should be refused").code
}

#[test]
fn an_invitation_makes_an_account_whose_ticket_opens_with_the_dcs_link() {
    let mut ledger = Ledger::with_dc(Registration::Invite);
    let alice = Person::new("alice.example.org");
    let code = ledger.invitation(1, DAY);
    let added = ledger.sign_up(Some(&code), &alice).unwrap();

    let dc = &ledger.fleet.dcs[0];
    let ticket = Ticket::open(&added.credentials.ticket.0, &dc.ticket_link).unwrap();
    assert_eq!(ticket.node_key, added.node_key.0);
    assert_eq!(ticket.certificate, added.credentials.certificate.0);
    assert_eq!(ticket.expires, ledger.now + TICKET_LIFETIME);
    let other = Ticket::open(&added.credentials.ticket.0, &SecretKey::new([0; 32]));
    assert_eq!(other, Err(TicketError::NotForUs));
}

#[test]
fn the_certificate_verifies_and_its_address_lies_in_the_dcs_block() {
    let mut ledger = Ledger::with_dc(Registration::Open);
    let alice = Person::new("alice.example.org");
    let added = ledger.sign_up(None, &alice).unwrap();
    let certificate = added.credentials.certificate.0;
    let authority = ledger.registrar.authority();
    certificate
        .verify(&authority, &fqdn("example.org"), ledger.now)
        .unwrap();
    assert_eq!(certificate.fqdn, fqdn("phone.alice.example.org"));
    assert!(ledger.fleet.dcs[0].prefix.contains(&certificate.virtual_v6));
}

#[test]
fn an_invitation_ends_by_time_and_by_count() {
    let mut ledger = Ledger::with_dc(Registration::Invite);
    let code = ledger.invitation(1, DAY);
    ledger.now = ledger.now + DAY + Duration::from_millis(1);
    let late = ledger.sign_up(Some(&code), &Person::new("alice.example.org"));
    assert_eq!(code_of(late), ErrorCode::InvitationExpired);

    let code = ledger.invitation(1, DAY);
    ledger
        .sign_up(Some(&code), &Person::new("alice.example.org"))
        .unwrap();
    let second = ledger.sign_up(Some(&code), &Person::new("bob.example.org"));
    assert_eq!(code_of(second), ErrorCode::InvitationUsedUp);
    let made_up = ledger.sign_up(Some(&[0; 16]), &Person::new("bob.example.org"));
    assert_eq!(code_of(made_up), ErrorCode::InvitationUnknown);
}

#[test]
fn who_may_sign_up_is_the_operators_choice() {
    let bob = Person::new("bob.example.org");
    let mut invite = Ledger::with_dc(Registration::Invite);
    assert_eq!(
        code_of(invite.sign_up(None, &bob)),
        ErrorCode::InvitationNeeded
    );

    let mut closed = Ledger::with_dc(Registration::Closed);
    let code = closed.invitation(1, DAY);
    let refused = closed.sign_up(Some(&code), &bob);
    assert_eq!(code_of(refused), ErrorCode::RegistrationClosed);
    let setup = closed.registrar.setup_invitation(closed.now);
    let setup = closed.carry_out(setup);
    closed.sign_up(Some(&setup), &bob).unwrap();
    assert!(closed.accounts[0].is_admin, "the set-up link makes one");

    let mut open = Ledger::with_dc(Registration::Open);
    open.sign_up(None, &bob).unwrap();
    assert!(!open.accounts[0].is_admin);
}

#[test]
fn a_later_set_up_link_voids_the_earlier() {
    let mut ledger = Ledger::with_dc(Registration::Invite);
    let first = ledger.registrar.setup_invitation(ledger.now);
    let first = ledger.carry_out(first);
    let second = ledger.registrar.setup_invitation(ledger.now);
    ledger.carry_out(second);
    let old = ledger.sign_up(Some(&first), &Person::new("eve.example.org"));
    assert_eq!(code_of(old), ErrorCode::InvitationUsedUp);
}

#[test]
fn names_taken_or_the_operators_are_refused() {
    let mut ledger = Ledger::with_dc(Registration::Open);
    let alice = Person::new("alice.example.org");
    ledger.sign_up(None, &alice).unwrap();
    assert_eq!(
        code_of(ledger.sign_up(None, &alice)),
        ErrorCode::AccountTaken
    );
    let admin = Person::new("postmaster.example.org");
    assert_eq!(
        code_of(ledger.sign_up(None, &admin)),
        ErrorCode::AccountTaken
    );
    let elsewhere = Person::new("alice.example.net");
    let refused = ledger.sign_up(None, &elsewhere);
    assert_eq!(code_of(refused), ErrorCode::BadAccountName);
}

#[test]
fn without_a_coordinator_nobody_can_sign_up_and_is_told_why() {
    let mut ledger = Ledger::new(Registration::Open);
    let refused = ledger.sign_up(None, &Person::new("alice.example.org"));
    assert_eq!(code_of(refused), ErrorCode::NoCoordinator);
}

#[test]
fn a_device_that_the_root_key_has_not_signed_is_refused() {
    let mut ledger = Ledger::with_dc(Registration::Open);
    let alice = Person::new("alice.example.org");
    ledger.sign_up(None, &alice).unwrap();
    let account = ledger.account(&alice.name);
    let mut device = alice.device("laptop", 8);
    device.name = "tablet".into();
    let refused = ledger
        .registrar
        .add_device(ledger.now, &account, &ledger.fleet, &[], &device);
    assert_eq!(code_of(refused), ErrorCode::BadRootSignature);
}

#[test]
fn an_account_has_a_bounded_number_of_devices_with_names_of_their_own() {
    let mut ledger = Ledger::with_dc(Registration::Open);
    let alice = Person::new("alice.example.org");
    ledger.sign_up(None, &alice).unwrap();
    let account = ledger.account(&alice.name);
    let mut add = |name: &str, n: u8| {
        let devices = ledger.devices_of(&alice.name);
        let new = alice.device(name, n);
        let decided =
            ledger
                .registrar
                .add_device(ledger.now, &account, &ledger.fleet, &devices, &new)?;
        Ok::<_, Refusal>(ledger.carry_out(decided))
    };
    assert_eq!(code_of(add("phone", 8)), ErrorCode::DeviceTaken);
    assert_eq!(code_of(add("a_b", 8)), ErrorCode::BadDeviceName);
    for n in 10..41 {
        add(&format!("d{n}"), n).unwrap();
    }
    assert_eq!(code_of(add("one-more", 50)), ErrorCode::TooManyDevices);
}

#[test]
fn a_revoked_device_gets_no_ticket_and_its_dc_is_told() {
    let mut ledger = Ledger::with_dc(Registration::Open);
    let alice = Person::new("alice.example.org");
    ledger.sign_up(None, &alice).unwrap();
    let account = ledger.account(&alice.name);
    let phone = ledger.devices[0].clone();
    let renewed = ledger
        .registrar
        .renew(ledger.now + DAY, &phone, &account, &ledger.fleet)
        .unwrap();
    let renewed = ledger.carry_out(renewed);
    let end = (ledger.now + DAY + TICKET_LIFETIME).as_millis();
    assert_eq!(renewed.ticket_expires_ms, end);

    let live = ledger.devices_of(&alice.name);
    let revoked = ledger
        .registrar
        .revoke(ledger.now, &phone, &account, &live, "phone")
        .unwrap();
    ledger.carry_out(revoked);
    let gone = ledger.devices[0].clone();
    let refused = ledger
        .registrar
        .renew(ledger.now, &gone, &account, &ledger.fleet);
    assert_eq!(code_of(refused), ErrorCode::DeviceRevoked);
    let told = |note: Note| ledger.told.contains(&(DcId(1), note));
    assert!(told(Note::Revoked(phone.node)));
    assert!(told(Note::NameGone(fqdn("phone.alice.example.org"))));
    assert!(ledger.devices_of(&alice.name).is_empty());
}

#[test]
fn a_half_done_sign_in_ends_after_a_minute_and_is_of_no_other_use() {
    let mut ledger = Ledger::with_dc(Registration::Open);
    let alice = fqdn("alice.example.org");
    let now = ledger.now;
    let state = ledger.registrar.seal_sign_in(now, &alice, b"opaque state");
    let later = |secs| now + Duration::from_secs(secs);
    let opened = ledger.registrar.open_sign_in(later(60), &state).unwrap();
    assert_eq!(opened, (alice, b"opaque state".to_vec()));
    let late = ledger.registrar.open_sign_in(later(61), &state);
    assert_eq!(code_of(late), ErrorCode::SignInExpired);
    let as_grant = ledger.registrar.open_grant(now, &state);
    assert_eq!(code_of(as_grant), ErrorCode::SignInExpired);
}

#[test]
fn only_administrators_enrol_servers_and_invite_crowds() {
    use ntm_account_api::server::ServerRole;
    let mut ledger = Ledger::with_dc(Registration::Open);
    let alice = Person::new("alice.example.org");
    ledger.sign_up(None, &alice).unwrap();
    let (phone, account) = (ledger.devices[0].clone(), ledger.account(&alice.name));
    let role = ServerRole::Rs { dcs: Vec::new() };
    let who = (&phone, &account);
    let refused = ledger
        .registrar
        .enrolment(ledger.now, who, &ledger.fleet, role, DAY);
    assert_eq!(code_of(refused), ErrorCode::NotAllowed);
    let crowd = ledger
        .registrar
        .invite(ledger.now, &phone, &account, 101, DAY);
    assert_eq!(code_of(crowd), ErrorCode::NotAllowed);
    assert!(
        ledger
            .registrar
            .invite(ledger.now, &phone, &account, 5, DAY)
            .is_ok()
    );
}
