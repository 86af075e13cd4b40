//! Names of outputs: each input gets one of its own, inside the folder, and never an input's. And what inputs are called
//! in tables.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use sealpress_media::Format;

/// Longest stem in bytes; file systems allow 255 with everything.
const MAX_STEM: usize = 200;

/// Gives every input a name of its own in one folder: the input's own stem where it is free, with a
/// number where it is not. No two outputs share a name on any file system, whatever their formats
/// turn out to be; none leaves the folder; none is an input's.
pub(crate) struct Names {
    folder: PathBuf,
    taken: HashSet<String>,
    /// Inputs as the file system knows them: never overwritten.
    inputs: HashSet<PathBuf>,
    /// Files that may come of one input.
    most: u32,
}

/// The name of the output of this number, from 1, of an input whose first one has this stem.
pub(crate) fn numbered(stem: &OsStr, number: u32) -> OsString {
    let mut name = stem.to_owned();
    if number > 1 {
        name.push(format!("--{number}"));
    }
    name
}

impl Names {
    pub(crate) fn new(folder: &Path, inputs: &[PathBuf]) -> Self {
        let inputs = inputs.iter().filter_map(|path| path.canonicalize().ok()).collect();
        Self { folder: folder.to_owned(), taken: HashSet::new(), inputs, most: 1 }
    }

    /// The same where up to so many files may come of one input.
    pub(crate) fn with_outputs(mut self, most: u32) -> Self {
        self.most = most;
        self
    }

    /// Where the output for `input` goes, but for the extension. Asked once per input, in order, so
    /// that the same inputs get the same names again.
    pub(crate) fn stem(&mut self, input: &Path) -> OsString {
        let wanted = clean(input.file_stem());
        for n in 1u32.. {
            let stem = if n == 1 { wanted.clone() } else { format!("{wanted}-{n}") };
            let stem = OsString::from(stem);
            let names = (1..=self.most).map(|number| numbered(&stem, number).to_string_lossy().into_owned());
            let names: Vec<String> = names.collect();
            // Some file systems know no case.
            if names.iter().all(|name| self.is_free(name) && !self.taken.contains(&name.to_lowercase())) {
                self.taken.extend(names.iter().map(|name| name.to_lowercase()));
                return stem;
            }
        }
        unreachable!("there are more numbers than inputs")
    }

    fn is_free(&self, stem: &str) -> bool {
        Format::ALL.iter().all(|format| {
            let path = self.folder.join(format!("{stem}.{}", format.extension()));
            match path.symlink_metadata() {
                // A folder cannot be replaced; an input must not be.
                Ok(about) if about.is_dir() => false,
                Ok(_) => path.canonicalize().map_or(true, |real| !self.inputs.contains(&real)),
                Err(_) => true,
            }
        })
    }
}

/// What files are called in a table: by their name alone, where no other of them has the same.
pub(crate) struct Called {
    shared: HashSet<OsString>,
}

impl Called {
    pub(crate) fn among(inputs: &[PathBuf]) -> Self {
        let mut seen = HashSet::new();
        let names = inputs.iter().filter_map(|input| input.file_name());
        Self { shared: names.filter(|name| !seen.insert(*name)).map(OsStr::to_owned).collect() }
    }

    pub(crate) fn of(&self, input: &Path) -> String {
        let name = input.file_name().filter(|name| !self.shared.contains(*name));
        name.unwrap_or(input.as_os_str()).to_string_lossy().into_owned()
    }
}

/// A stem that is one plain name everywhere.
fn clean(stem: Option<&OsStr>) -> String {
    let stem = stem.unwrap_or_default().to_string_lossy();
    let keep = |c: char| if c.is_control() || "/\\:*?\"<>|".contains(c) { '_' } else { c };
    let mut name: String = stem.chars().map(keep).collect();
    while name.len() > MAX_STEM {
        name.pop();
    }
    let name = name.trim_start_matches(['.', '-']).trim_end_matches(['.', ' ']);
    if name.is_empty() { "file".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(folder: &Path, inputs: &[&str]) -> Vec<String> {
        let inputs: Vec<PathBuf> = inputs.iter().map(PathBuf::from).collect();
        let mut names = Names::new(folder, &inputs);
        inputs.iter().map(|i| names.stem(i).into_string().unwrap()).collect()
    }

    #[test]
    fn every_input_has_a_name_of_its_own() {
        let inputs = ["x/a.jpg", "y/a.png", "A.webp", "a-2.pdf", "..", "/", "", ".hidden", "-rf.jpg", "a/b:c.jpg"];
        let stems = stems(Path::new("/nonexistent"), &inputs);
        assert_eq!(stems, ["a", "a-2", "A-3", "a-2-2", "file", "file-2", "file-3", "hidden", "rf", "b_c"]);
    }

    #[test]
    fn files_of_one_name_are_told_apart() {
        let inputs = ["x/a.jpg", "y/a.jpg", "y/b.jpg", "/"].map(PathBuf::from);
        let called = Called::among(&inputs);
        assert_eq!(inputs.map(|input| called.of(&input)), ["x/a.jpg", "y/a.jpg", "b.jpg", "/"]);
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = "ä".repeat(300);
        let stem = clean(Some(OsStr::new(&long)));
        assert!(stem.len() <= MAX_STEM && stem.chars().all(|c| c == 'ä'));
    }

    #[test]
    fn an_input_in_the_output_folder_stays() {
        let folder = std::env::temp_dir().join(format!("sealpress-names-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("dir.pdf")).unwrap();
        let input = folder.join("a.jpg");
        std::fs::write(&input, b"original").unwrap();
        let found = stems(&folder, &[input.to_str().unwrap(), "dir.png"]);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, ["a-2", "dir-2"]);
    }
}
