//! Which device to take of those that are there. Pure: a list and a wish in, a device out.

use super::{Device, DeviceChoice, Direction};

/// Why a device is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is the one that was chosen.
    Chosen,
    /// The chosen one is not there, or can't be opened; this one is used until it comes back.
    StandsIn,
}

/// The device to open: the chosen one, the system's default, any other; one that just failed only if nothing else is there.
pub(super) fn choose<'a>(
    list: &'a [Device],
    direction: Direction,
    choice: &DeviceChoice,
    failed: &[String],
) -> Option<(&'a Device, Why)> {
    let mine = || {
        list.iter()
            .filter(move |device| device.direction == direction)
    };
    if mine().all(|device| device.alias) {
        return None;
    }
    let works = |device: &&Device| !failed.contains(&device.id);
    let chosen = chosen(list, direction, choice);
    if let Some(device) = chosen.filter(works) {
        return Some((device, Why::Chosen));
    }
    let default = mine().filter(|device| device.default).find(works);
    let other = || mine().filter(|device| !device.alias).find(works);
    let stand_in = default
        .or_else(other)
        .or_else(|| mine().find(|device| !device.alias));
    chosen
        .filter(|_| stand_in.is_none_or(|device| failed.contains(&device.id)))
        .map(|device| (device, Why::Chosen))
        .or(stand_in.map(|device| (device, Why::StandsIn)))
}

/// The one that was asked for, if it is there.
pub(super) fn chosen<'a>(
    list: &'a [Device],
    direction: Direction,
    choice: &DeviceChoice,
) -> Option<&'a Device> {
    let mine = || {
        list.iter()
            .filter(move |device| device.direction == direction)
    };
    match choice {
        DeviceChoice::Default => mine()
            .find(|device| device.default)
            .or_else(|| mine().next()),
        DeviceChoice::Id(id) => mine().find(|device| &device.id == id),
        DeviceChoice::Name(name) => mine().find(|device| &device.name == name).or_else(|| {
            let name = name.to_lowercase();
            mine().find(|device| device.name.to_lowercase().contains(&name))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::DeviceKind;

    fn device(id: &str, name: &str) -> Device {
        Device {
            id: id.into(),
            name: name.into(),
            direction: Direction::Speaker,
            kind: DeviceKind::Unknown,
            default: false,
            alias: false,
        }
    }

    fn desk() -> Vec<Device> {
        let default = Device {
            default: true,
            alias: true,
            ..device("x:default", "System default")
        };
        vec![
            default,
            device("x:hdmi", "Screen"),
            device("x:usb", "USB Headset"),
        ]
    }

    fn pick(list: &[Device], choice: &str, failed: &[&str]) -> Option<(String, Why)> {
        let failed: Vec<String> = failed.iter().map(|id| (*id).to_owned()).collect();
        let choice: DeviceChoice = choice.parse().unwrap();
        choose(list, Direction::Speaker, &choice, &failed)
            .map(|(device, why)| (device.id.clone(), why))
    }

    #[test]
    fn a_device_is_chosen_by_id_by_name_or_by_a_part_of_its_name() {
        let list = desk();
        for wish in ["x:usb", "USB Headset", "headset"] {
            assert_eq!(
                pick(&list, wish, &[]),
                Some(("x:usb".into(), Why::Chosen)),
                "{wish}"
            );
        }
        assert_eq!(
            pick(&list, "default", &[]),
            Some(("x:default".into(), Why::Chosen))
        );
    }

    #[test]
    fn when_the_chosen_one_is_gone_the_default_stands_in_and_it_comes_back() {
        let mut list = desk();
        let usb = list.pop().unwrap();
        assert_eq!(
            pick(&list, "x:usb", &[]),
            Some(("x:default".into(), Why::StandsIn))
        );
        list.push(usb);
        assert_eq!(
            pick(&list, "x:usb", &[]),
            Some(("x:usb".into(), Why::Chosen))
        );
    }

    #[test]
    fn what_just_failed_is_taken_only_when_nothing_else_is_left() {
        let list = desk();
        assert_eq!(
            pick(&list, "x:usb", &["x:usb"]),
            Some(("x:default".into(), Why::StandsIn))
        );
        assert_eq!(
            pick(&list, "x:usb", &["x:usb", "x:default"]),
            Some(("x:hdmi".into(), Why::StandsIn))
        );
        assert_eq!(
            pick(&list, "x:usb", &["x:usb", "x:default", "x:hdmi"]),
            Some(("x:usb".into(), Why::Chosen))
        );
    }

    #[test]
    fn a_system_with_a_default_and_no_device_has_none() {
        assert_eq!(pick(&desk()[..1], "default", &[]), None);
        assert!(choose(&desk(), Direction::Microphone, &DeviceChoice::Default, &[]).is_none());
    }
}
