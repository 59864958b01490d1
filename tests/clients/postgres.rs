//! The PostgreSQL server of the tests, which start it themselves.
//!
//! Its folder is made by `initdb`; it listens on a socket in that folder only, and goes with the test process, however that ends.
//! It needs Debian's package `postgresql` (its server is started by nobody but us; the service may be off).

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The PostgreSQL server of this test process.
pub struct Server {
    folder: PathBuf,
    /// The watcher, which stops the server when its input closes: when the test process has ended.
    _watcher: Child,
}

impl Server {
    /// The one of this process.
    pub fn running() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::start)
    }

    /// The address of a database of it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://noroshi@localhost/{database}?host={}", self.folder.display())
    }

    /// A new database with these properties, as `createdb` takes them; its address.
    pub fn database(&self, properties: &[&str]) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("trial_{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let mut create = Command::new(binary("createdb"));
        create.args(["--username=noroshi", "--template=template0", "--host"]).arg(&self.folder);
        let made = create.args(properties).arg(&name).output().expect("createdb runs");
        assert!(made.status.success(), "createdb: {}", String::from_utf8_lossy(&made.stderr));
        self.url(&name)
    }

    fn start() -> Self {
        let initdb = binary("initdb");
        let folder = tempfile::Builder::new().prefix("noroshi-pg-").tempdir().expect("a folder for the server").keep();
        let user = unprivileged();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).expect("the folder is given to the server's user");
        }
        let data = folder.join("data");
        let mut init = as_user(&initdb, user, &folder);
        init.args(["--auth=trust", "--username=noroshi", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]);
        let made = init.arg(&data).output().expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        // The shell is the watcher: it reads until the test process ends, then stops the server and removes its folder.
        let script = r#"
            "$1" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c max_connections=100 -c timezone=UTC \
                >"$2/log" 2>&1 </dev/null & server=$!
            cat >/dev/null
            kill -INT $server; wait $server; cd /; rm -rf "$2"
        "#;
        let mut watch = as_user(Path::new("/bin/sh"), user, &folder);
        let watcher = watch
            .args(["-c", script, "watch"])
            .arg(binary("postgres"))
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt from the keyboard is for the test process; the watcher sees that it ended.
            .process_group(0)
            .spawn()
            .expect("the server starts");
        let server = Self { folder, _watcher: watcher };
        for _ in 0..1_200 {
            // The last line of this file says when the server takes connections; its socket is there earlier.
            let status = std::fs::read_to_string(server.folder.join("data/postmaster.pid")).unwrap_or_default();
            if status.lines().any(|line| line.trim() == "ready") {
                return server;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let mut log = String::new();
        let _ = std::fs::File::open(server.folder.join("log")).and_then(|mut f| f.read_to_string(&mut log));
        panic!("the PostgreSQL test server did not come up: {log}");
    }
}

/// A program of the PostgreSQL server: in PATH, or where Debian puts it.
fn binary(name: &str) -> PathBuf {
    let in_path =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|v| v.path().join("bin"));
    in_path.into_iter().chain(versions).map(|folder| folder.join(name)).find(|path| path.is_file()).unwrap_or_else(
        || panic!("`{name}` is missing: install Debian's package `postgresql` (its service may stay off)"),
    )
}

/// PostgreSQL does not run as root: then as `postgres`, or else as `nobody`.
fn unprivileged() -> Option<(u32, u32)> {
    let me = std::fs::metadata("/proc/self").map(|m| std::os::unix::fs::MetadataExt::uid(&m)).unwrap_or(1);
    if me != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("the list of users");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut parts = line.split(':').skip(2);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("a user that is not root"))
}

fn as_user(program: &Path, user: Option<(u32, u32)>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}
