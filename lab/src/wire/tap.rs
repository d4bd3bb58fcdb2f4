//! A TAP device in the namespace of the calling thread.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, ensure};
use nix::libc;

/// The longest frame: Ethernet's header, a tag, and 64 KiB would be offloads, which are off.
pub(super) const FRAME: usize = 1 << 12;

/// The device goes away with this.
#[derive(Debug)]
pub(super) struct Tap(File);

impl Tap {
    pub(super) fn open(name: &str) -> anyhow::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/net/tun")
            .context("/dev/net/tun")?;
        attach(&file, name)?;
        Ok(Self(file))
    }

    /// The next frame's length; `None` when there is none.
    pub(super) fn receive(&self, frame: &mut [u8]) -> Option<usize> {
        (&self.0).read(frame).ok()
    }

    /// A device that is down refuses: the frame is lost, as on a pulled cable.
    pub(super) fn send(&self, frame: &[u8]) {
        let _ = (&self.0).write(frame);
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

nix::ioctl_write_ptr_bad!(tun_set_iff, libc::TUNSETIFF, libc::ifreq);

fn attach(file: &File, name: &str) -> anyhow::Result<()> {
    ensure!(
        name.len() < libc::IFNAMSIZ,
        "{name} is too long for a device"
    );
    let flags = i16::try_from(libc::IFF_TAP | libc::IFF_NO_PI)?;
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: flags },
    };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = libc::c_char::try_from(from)?;
    }
    #[expect(
        unsafe_code,
        reason = "no safe wrapper: the request is whole, and the kernel only reads it"
    )]
    let done = unsafe { tun_set_iff(file.as_raw_fd(), &raw const request) };
    done.context("TUNSETIFF")?;
    Ok(())
}
