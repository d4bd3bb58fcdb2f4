//! Taking a command's arguments apart. The page is ours, and yet nothing that comes from it is believed: what has
//! another form, is too long or has control characters in it is refused with the code `bad-input`.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use tauri::Runtime;
use tauri::ipc::{CommandArg, CommandItem, InvokeBody, InvokeError};
use voice_app::settings::Settings;
use voice_app::{AppError, Code};
use zeroize::{Zeroize, Zeroizing};

/// A command's arguments, as one object.
#[derive(Debug)]
pub struct Args<T>(
    /// The object.
    pub T,
);

impl<'de, R: Runtime, T: DeserializeOwned> CommandArg<'de, R> for Args<T> {
    fn from_command(command: CommandItem<'de, R>) -> Result<Self, InvokeError> {
        let InvokeBody::Json(body) = command.message.payload() else {
            return Err(refused("bytes where an object belongs"));
        };
        let args = serde_json::from_value(body.clone());
        args.map(Self).map_err(|e| refused(e.to_string()))
    }
}

fn refused(why: impl std::fmt::Display) -> InvokeError {
    let error = AppError::new(Code::BadInput, format!("the window asked nonsense: {why}"));
    InvokeError::from(serde_json::to_value(error).unwrap_or_default())
}

/// Text of one line, `MOST` bytes at the most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<const MOST: usize>(String);

/// A name or an address.
pub type Name = Line<320>;
/// A link, or a list of them.
pub type Link = Line<4096>;

impl<const MOST: usize> Line<MOST> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Line<MOST> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.len() > MOST {
            return Err(D::Error::custom(format_args!("more than {MOST} bytes")));
        }
        if text.chars().any(char::is_control) {
            return Err(D::Error::custom("control characters in a line"));
        }
        Ok(Self(text))
    }
}

/// What somebody writes to somebody: several lines, and as long as a text may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words(pub String);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if text.len() > 16_384 {
            return Err(D::Error::custom("a text of more than 16,384 bytes"));
        }
        let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        if text.chars().any(is_odd) {
            return Err(D::Error::custom("control characters in a text"));
        }
        Ok(Self(text))
    }
}

/// A password: never shown, and overwritten when it is done with.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The password.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(from)?;
        if text.len() > 1024 {
            text.zeroize();
            return Err(D::Error::custom("a password of more than 1,024 bytes"));
        }
        Ok(Self(Zeroizing::new(text)))
    }
}

/// Settings of which none is left out: what a file of an older version may lack, a window may not.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole(pub Settings);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = serde_json::Value::deserialize(from)?;
        let all = serde_json::to_value(Settings::default()).map_err(D::Error::custom)?;
        let names =
            |v: &serde_json::Value| v.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>());
        if names(&given) != names(&all) {
            return Err(D::Error::custom("settings with some left out, or others"));
        }
        serde_json::from_value(given)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// Settings that can hold.
///
/// # Errors
/// [`Code::BadInput`].
pub fn check(settings: &Settings) -> Result<(), AppError> {
    let bad = |what: &str| Err(AppError::new(Code::BadInput, what));
    if !(0.0..=2.0).contains(&settings.volume) {
        return bad("the volume is between 0 and 2");
    }
    let devices = [&settings.microphone, &settings.speaker];
    let texts = devices.into_iter().flatten();
    if texts.chain([&settings.ptt_shortcut]).any(|t| t.len() > 512) {
        return bad("no device and no key has such a long name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_short_and_has_no_control_characters() {
        let read = |text: &str| serde_json::from_value::<Line<8>>(text.into());
        assert!(read("bob").is_ok() && read("日本").is_ok());
        assert!(read("123456789").is_err() && read("a\nb").is_err() && read("\u{1b}[2J").is_err());
    }

    #[test]
    fn a_password_does_not_show() {
        let secret: Secret = serde_json::from_value("hunter2".into()).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret");
    }

    #[test]
    fn settings_that_no_window_makes_are_refused() {
        for volume in [-0.1, 2.1, f32::NAN, f32::INFINITY] {
            let settings = Settings {
                volume,
                ..Settings::default()
            };
            assert_eq!(check(&settings).unwrap_err().code, "bad-input", "{volume}");
        }
    }
}
