//! [`App`]: the handle that a shell holds of a signed-in device.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntm::account::{Session, Tickets};
use ntm::files::Lock;
use ntm::wire::time::Wall;
use ntm::{Node, Profile};
use tokio::sync::{broadcast, mpsc, oneshot};
use voice_audio::{RecordTo, SoundConfig};
use voice_call::{Phone, PhoneConfig};

use crate::contacts::{Contact, Contacts};
use crate::controller::{Command, Controller, Parts};
use crate::error::{AppError, Code};
use crate::history::History;
use crate::presence::Presences;
use crate::settings::Settings;
use crate::texts::Texts;
use crate::view::{AppEvent, CallView, RoutePicture, Snapshot};
use crate::{media, names, picture};

/// Events that a slow shell may fall behind.
const EVENTS: usize = 1024;

/// What is done with calls that come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AnswerRule {
    /// Rings until a person decides.
    #[default]
    Ask,
    /// Every call is taken, one at a time; others hear "busy".
    Always,
    /// Calls of contacts are taken; others ring.
    Contacts,
    /// Every call is taken, any number at once, and hears itself.
    Echo,
    /// Every call hears "busy".
    Busy,
}

/// What an application is started with.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// The profile's folder.
    pub folder: PathBuf,
    /// Sound other than the settings say: files in the place of devices.
    pub sound: Option<SoundConfig>,
    /// What is done with calls that come in.
    pub answer: AnswerRule,
    /// The node's UDP port; 0 is the system's choice.
    pub port: u16,
}

impl AppConfig {
    /// As a person's device has it.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            sound: None,
            answer: AnswerRule::Ask,
            port: 0,
        }
    }
}

/// What an application tells. A shell that falls behind loses the oldest: it asks for a [`Snapshot`] then.
pub type AppEvents = broadcast::Receiver<AppEvent>;

/// A signed-in device that calls and is called. Clones are the same one; it ends with [`App::stop`].
#[derive(Clone, Debug)]
pub struct App {
    commands: mpsc::UnboundedSender<Command>,
    events: broadcast::Sender<AppEvent>,
    own_domain: ntm::wire::fqdn::Fqdn,
    node: Node,
}

/// Sound without a call, to try the devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoundTest {
    /// The microphone is open, and [`AppEvent::Levels`] tells how loud it is.
    Microphone,
    /// The same, and one hears oneself half a second later.
    Echo,
}

impl App {
    /// Starts the device's node and its telephone, and waits until the servers know it.
    ///
    /// # Errors
    /// [`Code::NotSignedIn`]; [`Code::AlreadyRunning`]; [`Code::NoService`] when the servers don't answer,
    /// [`Code::NotYet`] and [`Code::Refused`] when they say no; [`Code::Storage`], [`Code::Keyring`], [`Code::System`].
    pub async fn start(config: AppConfig) -> Result<(Self, AppEvents), AppError> {
        let lock = lock(&config.folder)?;
        let mut profile = Profile::open(&config.folder)?;
        renew_if_expired(&mut profile).await?;
        let settings = Settings::load(profile.folder())?;
        let contacts = Contacts::load(&profile)?;
        let history = History::load(profile.folder())?;
        let texts = Texts::load(profile.folder())?;
        let presences = Presences::load(profile.folder())?;
        let node = start_node(&profile, config.port).await?;
        let mut on_node = PhoneConfig::on(node.clone());
        on_node.wishes = media::wishes(&settings);
        let (phone, notices) = Phone::start(on_node).await?;
        let (commands, inbox) = mpsc::unbounded_channel();
        let (events, first) = broadcast::channel(EVENTS);
        let app = Self {
            commands,
            events: events.clone(),
            own_domain: profile.membership().domain.clone(),
            node: node.clone(),
        };
        let parts = Parts {
            profile,
            lock,
            node,
            phone,
            settings,
            contacts,
            history,
            texts,
            presences,
            config,
            events,
        };
        tokio::spawn(Controller::new(parts)?.run(inbox, notices));
        Ok((app, first))
    }

    /// What happens from now on.
    pub fn events(&self) -> AppEvents {
        self.events.subscribe()
    }

    /// All there is to see.
    ///
    /// # Errors
    /// [`Code::System`] when the application has stopped; so with all the following.
    pub async fn snapshot(&self) -> Result<Snapshot, AppError> {
        self.ask(Command::Snapshot).await
    }

    /// Calls somebody: a name, a nickname, or an address.
    ///
    /// # Errors
    /// [`Code::BadInput`].
    pub async fn call(&self, name: &str) -> Result<CallView, AppError> {
        let name = name.to_owned();
        self.ask(|done| Command::Call { name, done }).await?
    }

    /// Takes a call that rings; one that is talked over is held meanwhile.
    ///
    /// # Errors
    /// [`Code::NoSuchCall`].
    pub async fn accept(&self, call: u64) -> Result<(), AppError> {
        self.ask(|done| Command::Accept { call, done }).await?
    }

    /// Refuses a call that rings.
    ///
    /// # Errors
    /// [`Code::NoSuchCall`].
    pub async fn decline(&self, call: u64) -> Result<(), AppError> {
        self.ask(|done| Command::Decline { call, done }).await?
    }

    /// Ends a call in whatever state.
    ///
    /// # Errors
    /// [`Code::NoSuchCall`].
    pub async fn hang_up(&self, call: u64) -> Result<(), AppError> {
        self.ask(|done| Command::HangUp { call, done }).await?
    }

    /// Holds the line, or takes it up again.
    ///
    /// # Errors
    /// [`Code::NoSuchCall`].
    pub async fn hold(&self, call: u64, held: bool) -> Result<(), AppError> {
        self.ask(|done| Command::Hold { call, held, done }).await?
    }

    /// Mutes the microphone in all calls, or no longer.
    ///
    /// # Errors
    /// Only that the application has stopped.
    pub async fn mute(&self, muted: bool) -> Result<(), AppError> {
        self.ask(|done| Command::Mute { muted, done }).await
    }

    /// Tries the devices while nobody calls, or ends that.
    ///
    /// # Errors
    /// Those of sound; [`Code::BadInput`] in a call.
    pub async fn test_sound(&self, test: Option<SoundTest>) -> Result<(), AppError> {
        self.ask(|done| Command::TestSound { test, done }).await?
    }

    /// The key of push-to-talk went down or up; nothing happens unless that was chosen.
    ///
    /// # Errors
    /// Only that the application has stopped.
    pub async fn push_to_talk(&self, down: bool) -> Result<(), AppError> {
        self.ask(|done| Command::PushToTalk { down, done }).await
    }

    /// Every way of a call as it is now.
    ///
    /// # Errors
    /// [`Code::NoSuchCall`].
    pub async fn picture(&self, call: u64) -> Result<RoutePicture, AppError> {
        let view = self.ask(|done| Command::View { call, done }).await??;
        picture::take(&self.node, &view).await
    }

    /// The device's node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Whom somebody who has typed so much may mean.
    ///
    /// # Errors
    /// Only that the application has stopped.
    pub async fn complete(&self, typed: &str) -> Result<Vec<Contact>, AppError> {
        let typed = typed.to_owned();
        self.ask(|done| Command::Complete { typed, done }).await
    }

    /// Forgets the past calls.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn clear_history(&self) -> Result<(), AppError> {
        self.ask(|done| Command::ClearHistory { done }).await?
    }

    /// Somebody has seen the calls that were missed.
    ///
    /// # Errors
    /// [`Code::Storage`], [`Code::DiskFull`].
    pub async fn mark_missed_seen(&self) -> Result<(), AppError> {
        self.ask(|done| Command::MarkMissedSeen { done }).await?
    }

    /// Writes to somebody; [`AppEvent::TextDone`] with the same number tells whether it arrived.
    ///
    /// # Errors
    /// [`Code::BadInput`].
    pub async fn send_text(&self, name: &str, text: &str) -> Result<u64, AppError> {
        let (name, text) = (name.to_owned(), text.to_owned());
        self.ask(|done| Command::Text { name, text, done }).await?
    }

    /// Forgets what was written.
    ///
    /// # Errors
    /// [`Code::Storage`].
    pub async fn clear_texts(&self) -> Result<(), AppError> {
        self.ask(|done| Command::ClearTexts { done }).await?
    }

    /// Records the calls into a file, or ends that.
    ///
    /// # Errors
    /// Those of sound.
    pub async fn record(&self, to: Option<RecordTo>) -> Result<(), AppError> {
        self.ask(|done| Command::Record { to, done }).await?
    }

    /// Takes other settings, at once and for the next time.
    ///
    /// # Errors
    /// [`Code::Storage`], [`Code::DiskFull`]; they hold until the end of the program all the same.
    pub async fn set_settings(&self, settings: Settings) -> Result<(), AppError> {
        let settings = Box::new(settings);
        self.ask(|done| Command::Settings { settings, done })
            .await?
    }

    /// Adds a contact, or changes one.
    ///
    /// # Errors
    /// [`Code::BadInput`], [`Code::Storage`].
    pub async fn set_contact(&self, contact: Contact) -> Result<(), AppError> {
        let name = names::parse(&contact.name, &self.own_domain)?;
        let contact = Contact {
            name: names::person(&name),
            ..contact
        };
        self.ask(|done| Command::SetContact { contact, done })
            .await?
    }

    /// Takes a contact out.
    ///
    /// # Errors
    /// [`Code::NoSuchContact`], [`Code::Storage`].
    pub async fn remove_contact(&self, name: &str) -> Result<(), AppError> {
        let name = name.to_owned();
        self.ask(|done| Command::RemoveContact { name, done })
            .await?
    }

    /// Ends every call, and the device goes off.
    pub async fn stop(&self) {
        let _ = self.ask(Command::Stop).await;
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, AppError> {
        let (done, answer) = oneshot::channel();
        let stopped = || AppError::new(Code::System, "Legato has stopped: start it again");
        self.commands.send(command(done)).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())
    }
}

fn lock(folder: &Path) -> Result<Lock, AppError> {
    // Tells "nobody is signed in" from "the folder can't be locked".
    Profile::open(folder)?;
    Ok(Profile::lock(folder)?)
}

async fn start_node(profile: &Profile, port: u16) -> Result<Node, AppError> {
    let mut config = profile.config_with(Arc::new(Tickets));
    config.port = port;
    let node = Node::start(config).await?;
    node.wait_registered().await?;
    Ok(node)
}

/// A device that was off for a week fetches its ticket before it says anything.
async fn renew_if_expired(profile: &mut Profile) -> Result<(), AppError> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = Wall::from_millis(now.map_or(0, crate::view::millis));
    if profile.membership().ticket_expires > now {
        return Ok(());
    }
    let renewal = Session::new(profile)?.renew().await?;
    Ok(profile.renew(&renewal)?)
}
