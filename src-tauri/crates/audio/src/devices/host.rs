//! The list of devices, made plain.

use cpal::{
    DeviceDirection, DeviceType, HostId, InterfaceType,
    traits::{DeviceTrait, HostTrait},
};

use super::{Device, DeviceKind, Direction};
use crate::{config::System, error::SoundError};

/// Every microphone and loudspeaker, the system's default first.
///
/// # Errors
/// [`SoundError::NoSoundSystem`].
pub fn list(system: Option<System>) -> Result<Vec<Device>, SoundError> {
    Listing::take(system).map(|listing| listing.devices().cloned().collect())
}

/// What was there at one moment. cpal's PipeWire host lists devices only once, when it is made, so each look makes a new one.
pub(super) struct Listing {
    entries: Vec<(Device, cpal::Device)>,
}

impl Listing {
    pub(super) fn take(system: Option<System>) -> Result<Self, SoundError> {
        let host = host(system)?;
        let mut entries = Vec::new();
        let defaults = [host.default_input_device(), host.default_output_device()];
        for (device, direction) in defaults
            .into_iter()
            .zip([Direction::Microphone, Direction::Speaker])
        {
            entries.extend(device.and_then(|device| entry(&device, direction, true)));
        }
        let all: Vec<cpal::Device> = host.devices().map_err(|why| no_system(&why))?.collect();
        let ids: Vec<String> = all
            .iter()
            .filter_map(|device| device.id().ok())
            .map(|id| id.to_string())
            .collect();
        for device in &all {
            for direction in directions(device, &ids) {
                entries.extend(entry(device, direction, false));
            }
        }
        Ok(Self {
            entries: without_twins(entries),
        })
    }

    pub(super) fn devices(&self) -> impl Iterator<Item = &Device> {
        self.entries.iter().map(|(device, _)| device)
    }

    pub(super) fn handle(&self, wanted: &Device) -> Option<&cpal::Device> {
        self.entries
            .iter()
            .find(|(device, _)| device == wanted)
            .map(|(_, handle)| handle)
    }
}

fn host(system: Option<System>) -> Result<cpal::Host, SoundError> {
    let Some(system) = system else {
        return Ok(cpal::default_host());
    };
    let wanted = match system {
        System::PipeWire => "pipewire",
        System::PulseAudio => "pulseaudio",
        System::Alsa => "alsa",
    };
    let id: HostId = wanted.parse().map_err(|why: cpal::Error| no_system(&why))?;
    cpal::host_from_id(id).map_err(|why| no_system(&why))
}

fn no_system(why: &cpal::Error) -> SoundError {
    SoundError::NoSoundSystem {
        why: why.to_string(),
    }
}

/// Which ways a device can be used by a person, not by a studio: the monitor of a loudspeaker is no microphone, and another program's
/// stream is no device.
fn directions(device: &cpal::Device, all: &[String]) -> Vec<Direction> {
    let (Ok(id), Ok(description)) = (device.id(), device.description()) else {
        return Vec::new();
    };
    let (id, way) = (id.to_string(), description.direction());
    if id.starts_with("pipewire:") {
        return of_pipewire(&id, description.name(), way, all);
    }
    if id.starts_with("alsa:") && !useful_in_alsa(&id) || id.ends_with(".monitor") {
        return Vec::new();
    }
    let both = [
        (Direction::Microphone, device.supports_input()),
        (Direction::Speaker, device.supports_output()),
    ];
    both.into_iter()
        .filter(|(_, can)| *can)
        .map(|(direction, _)| direction)
        .collect()
}

/// cpal shows a sink as going both ways (its monitor), a source as an input, and streams of programs as inputs and outputs.
fn of_pipewire(id: &str, name: &str, way: DeviceDirection, all: &[String]) -> Vec<Direction> {
    let of_a_module = id
        .strip_prefix("pipewire:input.")
        .is_some_and(|rest| all.contains(&format!("pipewire:{rest}")));
    if ALIASES.contains(&id) || of_a_module || name == "unknown" {
        return Vec::new();
    }
    if way == DeviceDirection::Duplex {
        vec![Direction::Speaker]
    } else if way == DeviceDirection::Input {
        vec![Direction::Microphone]
    } else {
        Vec::new()
    }
}

/// The nodes that cpal invents for "the default".
const ALIASES: [&str; 3] = [
    "pipewire:sink_default",
    "pipewire:input_default",
    "pipewire:output_default",
];

/// ALSA lists every plugin that could be put before every card. Three kinds are for people: what the system set up as default, sound
/// servers, and each card with conversion.
fn useful_in_alsa(id: &str) -> bool {
    let name = id.trim_start_matches("alsa:");
    ["default", "pulse", "pipewire"].contains(&name) || name.starts_with("plughw:")
}

fn entry(
    device: &cpal::Device,
    direction: Direction,
    default: bool,
) -> Option<(Device, cpal::Device)> {
    let (id, description) = (device.id().ok()?.to_string(), device.description().ok()?);
    let alias = ALIASES.contains(&id.as_str());
    let name = match (alias, direction) {
        (true, Direction::Microphone) => "Default microphone".to_owned(),
        (true, Direction::Speaker) => "Default loudspeaker".to_owned(),
        (false, _) => description.name().lines().next().unwrap_or(&id).to_owned(),
    };
    let kind = kind(&name, &description);
    Some((
        Device {
            id,
            name,
            direction,
            kind,
            default,
            alias,
        },
        device.clone(),
    ))
}

/// The default and its own entry are one device.
fn without_twins(entries: Vec<(Device, cpal::Device)>) -> Vec<(Device, cpal::Device)> {
    let mut kept: Vec<(Device, cpal::Device)> = Vec::new();
    for entry in entries {
        let twin = |(device, _): &(Device, cpal::Device)| {
            device.id == entry.0.id && device.direction == entry.0.direction
        };
        if !kept.iter().any(twin) {
            kept.push(entry);
        }
    }
    kept
}

/// By what the system says, else by the name: few systems say.
fn kind(name: &str, description: &cpal::DeviceDescription) -> DeviceKind {
    let name = name.to_lowercase();
    let says = description.device_type();
    if HEADSETS.contains(&says) || HEADSET_NAMES.iter().any(|word| name.contains(word)) {
        DeviceKind::Headset
    } else if says == DeviceType::Speaker {
        DeviceKind::Speaker
    } else if says == DeviceType::Microphone {
        DeviceKind::Microphone
    } else if says == DeviceType::Virtual || description.interface_type() == InterfaceType::Virtual
    {
        DeviceKind::Virtual
    } else {
        DeviceKind::Unknown
    }
}

const HEADSETS: [DeviceType; 5] = [
    DeviceType::Headphones,
    DeviceType::Headset,
    DeviceType::Earpiece,
    DeviceType::Handset,
    DeviceType::HearingAid,
];
const HEADSET_NAMES: [&str; 5] = ["headset", "headphone", "earphone", "earbud", "airpods"];
