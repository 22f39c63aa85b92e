//! `doctor`: what is wrong with this project, its state, its disk and its targets, and what to do.
//!
//! Nothing is made, mended, locked or written. One fault does not hide the next: every check ends in findings, and an error that a
//! check meets is a finding too.

mod log;
mod machine;
mod place;
mod targets;

use crate::context::{App, RunContext, Verb, authorize};
use crate::keys;
use crate::open::Opened;
use staunch_types::{Error, Place, Result};
use std::path::Path;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It was looked at and is in order.
    Ok,
    /// It does not stand in the way of a run, and somebody should know.
    Warning,
    /// A run would stop at it, or something is lost.
    Error,
}

impl Level {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What one check came to.
#[derive(Debug)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at: `project`, `key`, `state`, `disk`, `index`, `clock`, `log`, `run`, `target`, `source`, `leftovers`.
    pub what: &'static str,
    /// The pipeline, if it is about one.
    pub pipeline: Option<String>,
    /// The code, where a run would meet an error.
    pub code: Option<&'static str>,
    /// What was found.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What a library or the system says about it.
    pub cause: Option<String>,
    /// What to do about it, if something is to be done.
    pub hint: Option<String>,
}

/// Everything that was looked at.
#[derive(Debug, Default)]
pub struct Doctor {
    /// In the order in which things depend on each other.
    pub findings: Vec<Finding>,
}

impl Doctor {
    /// How many findings are of this level.
    #[must_use]
    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

/// Takes findings about one thing.
pub(crate) struct Notes<'a> {
    doctor: &'a mut Doctor,
    what: &'static str,
    pipeline: Option<&'a str>,
}

impl Notes<'_> {
    fn add(&mut self, level: Level, message: String, hint: Option<String>) {
        self.doctor.findings.push(Finding {
            level,
            what: self.what,
            pipeline: self.pipeline.map(str::to_owned),
            code: None,
            message,
            place: Place::default(),
            cause: None,
            hint,
        });
    }

    fn ok(&mut self, message: impl Into<String>) {
        self.add(Level::Ok, message.into(), None);
    }

    fn warn(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Warning, message.into(), Some(hint.into()));
    }

    fn wrong(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Error, message.into(), Some(hint.into()));
    }

    /// An error, and those found with it.
    fn error(&mut self, level: Level, error: &Error) {
        for error in error.all() {
            self.doctor.findings.push(Finding {
                level,
                what: self.what,
                pipeline: self.pipeline.map(str::to_owned),
                code: Some(error.code().name),
                message: error.message().to_owned(),
                place: error.where_().clone(),
                cause: error.caused_by().map(str::to_owned),
                hint: error.next_step().map(str::to_owned),
            });
        }
    }
}

impl App {
    /// Looks at everything. What is wrong is told, not returned as an error.
    ///
    /// # Errors
    /// None yet: `authorize` may come to refuse.
    pub fn doctor(&self, start: &Path, profile: Option<&str>, context: &RunContext) -> Result<Doctor> {
        let mut doctor = Doctor::default();
        let (opened, _) = match Opened::survey(start, profile) {
            Ok(found) => found,
            Err(error) => {
                doctor.about("project", None).error(Level::Error, &error);
                return Ok(doctor);
            }
        };
        self.check_project(&mut doctor, start, profile, context);
        let Some(opened) = opened else { return Ok(doctor) };
        authorize(&context.actor, Verb::Read, &opened.project.name)?;
        if !place::state(self, &mut doctor, &opened) {
            return Ok(doctor);
        }
        self.check_key(&mut doctor, &opened);
        place::index(self, &mut doctor, &opened);
        for pipeline in opened.project.pipelines.values() {
            log::check(self, &mut doctor, &opened, pipeline);
        }
        Ok(doctor)
    }

    fn check_project(&self, doctor: &mut Doctor, start: &Path, profile: Option<&str>, context: &RunContext) {
        let mut notes = doctor.about("project", None);
        match self.check(start, profile, None, context) {
            Ok(checked) => {
                let (count, s) =
                    (checked.pipelines.len(), if checked.pipelines.len() == 1 { "" } else { "s" });
                notes.ok(format!(
                    "`{}`: {count} pipeline{s} under profile `{}`",
                    checked.project, checked.profile
                ));
            }
            Err(error) => notes.error(Level::Error, &error),
        }
    }

    fn check_key(&self, doctor: &mut Doctor, opened: &Opened) {
        if keys::check(&opened.project).is_err() {
            // The project was told already.
            return;
        }
        let mut notes = doctor.about("key", None);
        match keys::look(self, &opened.project) {
            Err(error) => notes.error(Level::Error, &error),
            Ok(None) => notes.ok("the first run makes one for profile `dev`"),
            Ok(Some(found)) => {
                let id = found.key.id();
                match found.file {
                    None => notes.ok(format!("`{id}`, from the environment")),
                    Some(file) if machine::open_to_others(&file) => notes.warn(
                        format!("`{id}` lies in {}, which others may read", file.display()),
                        format!("chmod 600 {}", file.display()),
                    ),
                    Some(file) => notes.ok(format!("`{id}`, in {}", file.display())),
                }
            }
        }
    }
}

impl Doctor {
    fn about<'a>(&'a mut self, what: &'static str, pipeline: Option<&'a str>) -> Notes<'a> {
        Notes { doctor: self, what, pipeline }
    }
}
