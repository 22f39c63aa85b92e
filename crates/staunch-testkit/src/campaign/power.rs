//! Real power cuts: a small ext4 in a file, shut down under the running binary so that nothing that was not synced is kept.

use super::trial::{Moment, Prepared};
use super::{Failure, Site};
use std::path::PathBuf;
use std::process::Command;

/// `EXT4_IOC_SHUTDOWN` without a flush of the journal. In Python, because a system call needs unsafe code in Rust.
const CUT: &str = "import fcntl, os, struct, sys\n\
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

/// A disk of its own. It needs root, loop devices and ext4.
#[derive(Debug)]
pub struct Disk {
    folder: tempfile::TempDir,
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let done = command.output();
    let done = done.map_err(|e| Failure::other(format!("{:?}: {e}", command.get_program())))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(Failure::other(format!("{:?}: {said}", command.get_program())))
}

impl Disk {
    /// Makes and mounts one.
    ///
    /// # Errors
    /// Why this machine cannot.
    pub fn new() -> Result<Self, Failure> {
        let disk = Self { folder: tempfile::tempdir().map_err(Failure::machine("a folder"))? };
        let image = std::fs::File::create(disk.image()).and_then(|file| file.set_len(64 << 20));
        image.map_err(Failure::machine("the image of a disk"))?;
        std::fs::create_dir(disk.path()).map_err(Failure::machine("a folder"))?;
        run(Command::new("mkfs.ext4").arg("-qF").arg(disk.image()))?;
        disk.mount()?;
        // Once for a trial: without it the disk is no use.
        disk.cut()?;
        disk.remount()?;
        Ok(disk)
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn mount(&self) -> Result<(), Failure> {
        run(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(self.path()))
    }

    fn cut(&self) -> Result<(), Failure> {
        run(Command::new("python3").args(["-c", CUT]).arg(self.path()))
    }

    fn remount(&self) -> Result<(), Failure> {
        run(Command::new("umount").arg(self.path()))?;
        self.mount()
    }

    /// Cuts the power at this moment of the command, switches it on again, recovers and compares.
    ///
    /// # Errors
    /// The check that failed.
    pub fn trial(&self, prepared: &Prepared, at: &Moment, plant: &str) -> Result<(), Failure> {
        let base = self.path().join("site");
        let _ = std::fs::remove_dir_all(&base);
        let site = prepared.template.copied_to(&base, plant)?;
        run(Command::new("sync").arg("-f").arg(&base))?;
        let hold = self.folder.path().join("hold");
        let held = match site.hold(prepared.scenario.command, &at.to_string(), &hold)? {
            Ok(held) => held,
            Err(done) => return Err(Failure::recovery(prepared.scenario.command, &done)),
        };
        self.cut()?;
        held.kill()?;
        self.remount()?;
        let done = prepared.recover(&site);
        done.map_err(|e| e.about(&format!("{}, power cut at {at}", prepared.scenario.name)))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It may not be mounted.
        let _ = run(Command::new("umount").arg(self.path()));
    }
}

impl Site {
    /// The same as this one, in another folder, with planted bugs.
    fn copied_to(&self, base: &std::path::Path, plant: &str) -> Result<Self, Failure> {
        let mut site = Self::at(&self.binary, base)?;
        plant.clone_into(&mut site.plant);
        self.copy_into(&site)?;
        Ok(site)
    }
}
