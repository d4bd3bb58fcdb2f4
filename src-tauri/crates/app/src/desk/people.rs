//! What a window asks beside calls: safety numbers, the account's devices, an examination of the network, a file
//! for whoever helps.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ntm::account::Session;
use ntm::profile::safety_number;

use super::Desk;
use crate::account::open_profile;
use crate::error::{AppError, Code};
use crate::view::{AccountDevice, AppEvent, DoctorLine, SoundDevices, millis};
use crate::{doctor, names};

/// An invitation is good for so long.
const INVITATION: Duration = Duration::from_secs(7 * 86_400);

impl Desk {
    /// The number that two people compare: somebody's, or one's own.
    ///
    /// # Errors
    /// [`Code::BadInput`]; [`Code::NoSuchContact`] as long as nobody has met that person.
    pub async fn safety_number(&self, name: Option<&str>) -> Result<String, AppError> {
        let profile = open_profile(self.folder()).await?;
        let Some(name) = name else {
            return Ok(safety_number(&profile.membership().certificate.root));
        };
        let account = names::parse(name, &profile.membership().domain)?;
        let pins = profile.pins()?;
        let pin = pins.iter().find(|(known, _)| *known == account);
        pin.map(|(_, root)| safety_number(root)).ok_or_else(|| {
            let what = format!("{name} was never met: call them once, then compare");
            AppError::new(Code::NoSuchContact, what)
        })
    }

    /// Two people compared their numbers, or no longer trust that.
    ///
    /// # Errors
    /// [`Code::NoSuchContact`], [`Code::Storage`].
    pub async fn set_verified(&self, name: &str, verified: bool) -> Result<(), AppError> {
        let app = self.app()?;
        let contacts = app.snapshot().await?.contacts;
        let known = contacts.into_iter().find(|c| c.name == name);
        let mut contact = known.ok_or_else(|| {
            let what = format!("{name} is not among your contacts: add them first");
            AppError::new(Code::NoSuchContact, what)
        })?;
        contact.verified = verified;
        app.set_contact(contact).await
    }

    /// The account's devices.
    ///
    /// # Errors
    /// [`Code::Account`].
    pub async fn account_devices(&self) -> Result<Vec<AccountDevice>, AppError> {
        let devices = self.session().await?.devices().await?;
        let view = devices.into_iter().map(|d| AccountDevice {
            name: d.name,
            this_one: d.this,
            last_seen_ms: Some(d.renewed_ms.max(d.created_ms)),
        });
        Ok(view.collect())
    }

    /// What another machine signs in with.
    ///
    /// # Errors
    /// [`Code::Account`].
    pub async fn device_link(&self) -> Result<String, AppError> {
        Ok(self.session().await?.server().to_string())
    }

    /// An invitation for one person.
    ///
    /// # Errors
    /// [`Code::Account`], when the server lets only others invite.
    pub async fn invite(&self) -> Result<String, AppError> {
        let invitation = self.session().await?.invite(1, INVITATION).await?;
        Ok(invitation.to_string())
    }

    async fn session(&self) -> Result<Session, AppError> {
        Ok(Session::new(&open_profile(self.folder()).await?)?)
    }

    /// Examines this network; takes some five seconds. Each line is an event as well.
    ///
    /// # Errors
    /// None so far.
    pub async fn doctor(&self) -> Result<Vec<DoctorLine>, AppError> {
        let profile = open_profile(self.folder()).await.ok();
        let running = match self.app() {
            Ok(app) => app.node().status().await,
            Err(_) => None,
        };
        let lines = doctor::lines(&doctor::look(profile, running.as_ref()).await);
        for line in &lines {
            self.tell(AppEvent::DoctorLine { line: line.clone() });
        }
        Ok(lines)
    }

    /// Writes what helps whoever helps: version, examination, the last lines of the log. No key, password or text
    /// is in it; names and addresses are.
    ///
    /// # Errors
    /// [`Code::Storage`], [`Code::DiskFull`].
    pub async fn export_diagnostics(&self, log: &[String]) -> Result<PathBuf, AppError> {
        let lines = self.doctor().await?;
        let found = lines.iter().map(|l| {
            let advice = l.advice.as_deref().unwrap_or_default();
            format!("{:15} {:?}: {} {advice}\n", l.topic, l.verdict, l.words)
        });
        let text = format!(
            "Legato {} on {}\n\n{}\n{}\n",
            self.shared.config.version,
            std::env::consts::OS,
            found.collect::<String>(),
            log.join("\n")
        );
        let folder = self.folder().join("diagnostics");
        ntm::files::create_private_dir(&folder)?;
        let path = folder.join(format!("legato-{}.txt", now_ms()));
        ntm::files::write_private(&path, text.as_bytes())?;
        Ok(path)
    }

    /// Records the calls into a new file, or ends that; the file.
    ///
    /// # Errors
    /// [`Code::NoSuchCall`], [`Code::Storage`], those of sound.
    pub async fn record(&self, on: bool) -> Result<Option<PathBuf>, AppError> {
        let app = self.app()?;
        if !on {
            app.record(None).await?;
            return Ok(None);
        }
        let folder = &self.shared.config.recordings;
        ntm::files::create_private_dir(folder)?;
        let path = folder.join(format!("call-{}.wav", now_ms()));
        let to = voice_audio::RecordTo {
            path: path.clone(),
            form: voice_audio::RecordAs::MeAndThem,
            announce: true,
        };
        app.record(Some(to)).await?;
        Ok(Some(path))
    }
}

/// What there is to speak into and to hear with.
///
/// # Errors
/// Those of sound.
pub fn sound_devices() -> Result<SoundDevices, AppError> {
    let all = voice_audio::devices::list(None)?;
    Ok(SoundDevices::of(&all))
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, millis)
}
