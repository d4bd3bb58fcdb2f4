//! Small JSON files of the profile's folder, written whole or not at all.

use std::path::Path;

use ntm::files;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{AppError, Code};

/// Reads a file; one that is not there gives `None`.
pub(crate) fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<T>, AppError> {
    let path = folder.join(name);
    let bytes = match files::read_private(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let value = serde_json::from_slice(&bytes);
    value.map(Some).map_err(|why| {
        let what = format!(
            "{} is damaged ({why}): mend it, or move it away and it is made anew",
            path.display()
        );
        AppError::new(Code::Storage, what)
    })
}

/// Writes a file; the old content is there or the new, whatever happens.
pub(crate) fn write(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), AppError> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|e| AppError::new(Code::Storage, e))?;
    Ok(files::write_private(&folder.join(name), &bytes)?)
}
