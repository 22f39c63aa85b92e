//! `init`: a small project that runs.

use crate::context::{App, RunContext, Verb, authorize};
use staunch_types::{Error, Place, Result, codes};
use std::path::{Path, PathBuf};

/// The files of the template: path and text. `PROJECT` becomes the project's name.
const FILES: &[(&str, &str)] = &[
    ("staunch.yaml", include_str!("../template/staunch.yaml")),
    ("contracts/order.yaml", include_str!("../template/orders.yaml")),
    ("contracts/customer.yaml", include_str!("../template/customer.yaml")),
    ("pipelines/sales.yaml", include_str!("../template/sales.yaml")),
    ("pipelines/revenue.yaml", include_str!("../template/revenue.yaml")),
    ("data/orders/2026-01.csv", include_str!("../template/orders.csv")),
    ("data/customers.csv", include_str!("../template/customers.csv")),
    (".gitignore", ".staunch/\nout/\n"),
];

impl App {
    /// Writes the template into `folder` and returns the files. Nothing that exists is touched.
    ///
    /// # Errors
    /// `Usage.Invalid` if one of the files exists or the folder's name cannot name a project.
    pub fn init(&self, folder: &Path, context: &RunContext) -> Result<Vec<PathBuf>> {
        authorize(&context.actor, Verb::Run, "init")?;
        let failed = |doing: &str, path: &Path, e: &std::io::Error| {
            Error::io(codes::USAGE, doing, path, e).hint("choose a folder that you may write to")
        };
        std::fs::create_dir_all(folder).map_err(|e| failed("create", folder, &e))?;
        let folder = std::fs::canonicalize(folder).map_err(|e| failed("open", folder, &e))?;
        let taken: Vec<String> = FILES
            .iter()
            .filter(|(name, _)| std::fs::symlink_metadata(folder.join(name)).is_ok())
            .map(|(name, _)| (*name).to_owned())
            .collect();
        if !taken.is_empty() {
            return Err(Error::new(codes::USAGE, format!("there is already {}", taken.join(", ")))
                .place(Place::file(&folder))
                .hint("choose an empty folder: `staunch init NAME`"));
        }
        let name = project_name(&folder);
        let mut written = Vec::new();
        for (path, text) in FILES {
            let target = folder.join(path);
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent).map_err(|e| failed("create", parent, &e))?;
            }
            std::fs::write(&target, text.replace("PROJECT", &name))
                .map_err(|e| failed("write", &target, &e))?;
            written.push(target);
        }
        Ok(written)
    }
}

/// A name for a project from its folder's name: lower-case letters, digits and `_`, beginning with a letter.
fn project_name(folder: &Path) -> String {
    let name = folder.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let clean: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    match clean.chars().next() {
        Some(first) if first.is_ascii_lowercase() => clean,
        _ => format!("shop_{clean}").trim_end_matches('_').to_owned(),
    }
}
