//! The password of a database by PostgreSQL's own means: `PGPASSWORD`, or a line of the file that
//! `PGPASSFILE` names, `~/.pgpass` unless set. A command line, and a URL in it, everybody can read.

use std::path::{Path, PathBuf};

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::error::{Error, ErrorKind, Result};

/// Gives the configuration the password that it lacks, where there is one.
///
/// # Errors
/// `Config` for a file that `PGPASSFILE` names and that cannot be read, or that others may read.
pub(super) fn complete(config: &mut Config) -> Result<()> {
    if config.get_password().is_some() {
        return Ok(());
    }
    if let Ok(password) = std::env::var("PGPASSWORD") {
        config.password(password);
        return Ok(());
    }
    let named = std::env::var_os("PGPASSFILE").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".pgpass"));
    let Some(path) = named.clone().or_else(home) else { return Ok(()) };
    let text = match read(&path) {
        Ok(text) => text,
        Err(_) if named.is_none() => return Ok(()),
        Err(why) => return Err(Error::new(ErrorKind::Config, format!("PGPASSFILE {}: {why}", path.display()))),
    };
    if let Some(password) = find(&text, &wanted(config)) {
        config.password(password);
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path).map_err(|e| e.to_string())?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err("others may read it; say chmod 600".to_owned());
        }
    }
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}

/// Host, port, database and user, as a line has them.
fn wanted(config: &Config) -> [String; 4] {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        // A socket of this machine.
        _ => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let user = config.get_user().unwrap_or_default().to_owned();
    let database = config.get_dbname().unwrap_or(&user).to_owned();
    [host, port, database, user]
}

/// The password of the first line that fits: `host:port:database:user:password`, `*` for anything, a
/// backslash before a colon or backslash that is meant.
fn find(text: &str, wanted: &[String; 4]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut fields = vec![String::new()];
        let mut escaped = false;
        for c in line.chars() {
            match c {
                '\\' if !escaped => {
                    escaped = true;
                    continue;
                }
                ':' if !escaped && fields.len() < 5 => fields.push(String::new()),
                c => fields.last_mut()?.push(c),
            }
            escaped = false;
        }
        let fits =
            fields.len() == 5 && fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
        fits.then(|| fields.pop()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_fields() {
        let wanted = ["db.example", "5432", "jobs", "me"].map(str::to_owned);
        let text = "# comment\nother:5432:jobs:me:wrong\ndb.example:*:jobs:me:a\\:b\\\\c:d\n*:*:*:*:late\n";
        assert_eq!(find(text, &wanted).as_deref(), Some("a:b\\c:d"));
        assert_eq!(find("*:5433:*:*:no\n*:*:*:me:yes", &wanted).as_deref(), Some("yes"));
        assert_eq!(find("db.example:5432:jobs:me", &wanted), None);
    }

    #[test]
    fn a_url_says_what_is_wanted() {
        let config: Config = "postgres://me@db.example/jobs".parse().unwrap();
        assert_eq!(wanted(&config), ["db.example", "5432", "jobs", "me"]);
    }
}
