//! Microphones that are there and don't open. The refusals are the kernel's own, and come through ALSA: its OSS plugin opens whatever path it is
//! told, here a terminal that somebody has for himself alone (`EBUSY`), and a file that nobody may read (`EACCES`).

use std::{
    fs::{File, OpenOptions, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::ioctl_tiocexcl,
};
use voice_audio::{Sink, Sound, SoundConfig, SoundEvent, System};

use crate::support::{still_usable, wait};

#[test]
fn a_microphone_that_another_program_has_is_told_as_that() {
    let (terminal, _mine) = exclusive_terminal();
    told_as(&terminal, "microphone-taken");
}

#[test]
fn a_microphone_that_the_system_does_not_allow_is_told_as_that() {
    let folder = tempfile::tempdir().unwrap();
    let locked = folder.path().join("locked");
    File::create(&locked)
        .and_then(|file| file.set_permissions(Permissions::from_mode(0o000)))
        .unwrap();
    told_as(&locked, "permission-refused");
}

/// Its path, and what must stay open. The superuser passes: see [`without_privileges`].
fn exclusive_terminal() -> (PathBuf, [File; 2]) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).and_then(|()| unlockpt(&master)).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let path = PathBuf::from(name.into_string().unwrap());
    let slave = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    ioctl_tiocexcl(&slave).unwrap();
    (path, [File::from(master), slave])
}

/// Runs the test below on a machine whose only microphone is this file.
fn told_as(device: &Path, code: &str) {
    let plugin = "/usr/lib/*/alsa-lib/libasound_module_pcm_oss.so";
    let found = Command::new("sh")
        .args(["-c", &format!("ls {plugin}")])
        .output();
    if !found.is_ok_and(|ls| ls.status.success()) {
        eprintln!("SKIPPED {code}: no libasound2-plugins here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("asound.conf");
    let hint = "hint { show on description \"A microphone\" }";
    let text = format!(
        "pcm.!default {{ type oss device \"{}\" {hint} }}\n",
        device.display()
    );
    std::fs::write(&conf, text).unwrap();
    let status = without_privileges()
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "closed::inside_closed",
            "--ignored",
            "--nocapture",
        ])
        .env("ALSA_CONFIG_PATH", conf)
        .env("LEGATO_EXPECTED_CODE", code)
        .status()
        .unwrap();
    assert!(status.success(), "{code}: see above");
}

/// As a person's program runs: root may open everything.
fn without_privileges() -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new("env");
    }
    let mut command = Command::new("setpriv");
    command.arg("--bounding-set=-sys_admin,-dac_override,-dac_read_search");
    command
}

#[test]
#[ignore = "runs with a microphone that does not open"]
fn inside_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (sound, events) = Sound::start(SoundConfig {
        system: Some(System::Alsa),
        sink: Sink::File {
            path: folder.path().join("first.wav"),
        },
        ..SoundConfig::default()
    })
    .unwrap();
    let error = wait(&events, "a word about it", |event| {
        let SoundEvent::Problem(error) = event else {
            return None;
        };
        Some(error)
    });
    eprintln!("{error}");
    assert_eq!(error.code(), std::env::var("LEGATO_EXPECTED_CODE").unwrap());
    still_usable(&sound, &events);
}
