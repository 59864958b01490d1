//! The map is true: every arrow between crates stands in the table of `ARCHITECTURE.md`, none points up, and no file hides
//! under a name that says nothing.

use std::collections::{BTreeMap, BTreeSet};

mod pages;

/// What one row of the table says.
struct Room {
    floor: u32,
    may: May,
}

/// What a crate may import.
enum May {
    /// Everything on the floors below its own.
    All,
    /// These.
    These(BTreeSet<String>),
}

/// Crate and what it imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn rooms(text: &str) -> BTreeMap<String, Room> {
    let mut rooms = BTreeMap::new();
    for row in pages::table(text, &["floor", "crate", "one line", "may import"]) {
        let [floor, name, _, may] = row.as_slice() else { panic!("a row has four cells: {row:?}") };
        let name = name.trim_matches('`').to_owned();
        let may = if may == "all" { May::All } else { May::These(pages::names(may).into_iter().collect()) };
        let floor = floor.parse().unwrap_or_else(|_| panic!("`{floor}` is no floor"));
        assert!(rooms.insert(name.clone(), Room { floor, may }).is_none(), "`{name}` stands twice in the table");
    }
    rooms
}

/// Package names that a manifest builds with; tests and benches may look anywhere.
fn imported(manifest: &toml::Table, workspace: &toml::Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut add = |holder: &toml::Table| {
        for kind in ["dependencies", "build-dependencies"] {
            for (name, how) in holder.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                // A dependency may go by another name, here or where the workspace declares it.
                let renamed = |how: &toml::Value| how.get("package").and_then(toml::Value::as_str).map(str::to_owned);
                let package = renamed(how).or_else(|| workspace.get(name).and_then(renamed));
                found.insert(package.unwrap_or_else(|| name.clone()));
            }
        }
    };
    add(manifest);
    for target in manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten() {
        if let Some(holder) = target.1.as_table() {
            add(holder);
        }
    }
    found
}

/// Everything that is not as the table says.
fn faults(rooms: &BTreeMap<String, Room>, imports: &Imports) -> Vec<String> {
    let mut faults = Vec::new();
    for name in rooms.keys().filter(|name| !imports.contains_key(*name)) {
        faults.push(format!("`{name}` stands in the table, and there is no such crate"));
    }
    for (name, room) in rooms {
        let May::These(may) = &room.may else { continue };
        for other in may {
            match rooms.get(other) {
                None => faults.push(format!("`{name}` may import `{other}`, which the table does not know")),
                Some(above) if above.floor > room.floor => {
                    faults.push(format!("the table lets `{name}` import `{other}`, which is upward"));
                }
                Some(_) => {}
            }
        }
    }
    for (name, others) in imports {
        let Some(room) = rooms.get(name) else {
            faults.push(format!("the crate `{name}` is missing in the table"));
            continue;
        };
        for (other, there) in others.iter().filter_map(|other| Some((other, rooms.get(other)?))) {
            let allowed = match &room.may {
                May::All => there.floor < room.floor,
                May::These(may) => may.contains(other),
            };
            if there.floor > room.floor {
                faults
                    .push(format!("`{name}` (floor {}) imports `{other}` (floor {}): upward", room.floor, there.floor));
            } else if !allowed {
                faults.push(format!("`{name}` imports `{other}`, an arrow that is not in the table"));
            }
        }
    }
    faults
}

#[test]
fn every_arrow_stands_in_the_table() {
    let root: toml::Table = pages::read("Cargo.toml").parse().expect("the workspace's manifest is TOML");
    let workspace = root["workspace"]["dependencies"].as_table().expect("the workspace declares dependencies");
    let mut imports = Imports::new();
    for (folder, manifest) in pages::manifests() {
        assert_eq!(manifest["package"]["name"].as_str(), Some(folder.as_str()), "a crate is called as its folder");
        imports.insert(folder, imported(&manifest, workspace));
    }
    let faults = faults(&rooms(&pages::read("ARCHITECTURE.md")), &imports);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_kind_of_wrong_arrow_is_seen() {
    const TABLE: &str = "\
| floor | crate | one line | may import |
|---|---|---|---|
| 7 | `roof` | all of it | all |
| 7 | `vane` | beside the roof | all |
| 3 | `door` | one | `stone`, `keys` |
| 3 | `keys` | other | `stone` |
| 1 | `stone` | below | - |
";
    let arrows = |arrows: &[(&str, &str)]| {
        let mut imports: Imports =
            ["roof", "vane", "door", "keys", "stone"].map(|name| (name.to_owned(), BTreeSet::new())).into();
        for (from, to) in arrows {
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        faults(&rooms(TABLE), &imports)
    };
    let good = [("roof", "door"), ("roof", "stone"), ("door", "stone"), ("door", "keys"), ("keys", "a-guest")];
    assert_eq!(arrows(&good), Vec::<String>::new());
    for (from, to, word) in [
        ("stone", "door", "upward"),
        ("keys", "door", "not in the table"),
        ("roof", "vane", "not in the table"),
        ("cellar", "stone", "missing"),
    ] {
        let faults = arrows(&[(from, to)]);
        assert!(faults.len() == 1 && faults[0].contains(word), "{from} -> {to}: {faults:?}");
    }
    let less = Imports::from([("roof".to_owned(), BTreeSet::new())]);
    assert_eq!(faults(&rooms(TABLE), &less).len(), 4, "crates that are gone are named");
    let upward = TABLE.replace("| below | - |", "| below | `door` |");
    let unknown = TABLE.replace("| below | - |", "| below | `sand` |");
    for table in [upward, unknown] {
        let imports = rooms(&table).into_keys().map(|name| (name, BTreeSet::new())).collect();
        assert_eq!(faults(&rooms(&table), &imports).len(), 1, "the table itself is wrong");
    }
}

#[test]
fn an_import_hides_nowhere() {
    let manifest = "[dependencies]\na = \"1\"\nb = { package = \"bee\", version = \"1\" }\nc.workspace = true\n\
         [build-dependencies]\nd = \"1\"\n[target.'cfg(unix)'.dependencies]\ne = \"1\"\n[dev-dependencies]\nf = \"1\"\n";
    let workspace = "c = { package = \"sea\", version = \"1\" }\n";
    let found = imported(&manifest.parse().unwrap(), &workspace.parse().unwrap());
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "bee", "d", "e", "sea"]);
}

#[test]
fn every_file_says_what_stands_there() {
    let silent: Vec<String> = pages::rust_files()
        .into_iter()
        .filter(|path| {
            let text = pages::read(path);
            text.lines().next().is_none_or(|line| line.strip_prefix("//! ").is_none_or(|said| said.trim().is_empty()))
        })
        .collect();
    assert!(silent.is_empty(), "these files do not begin with a `//!` sentence: {silent:?}");
}

#[test]
fn every_crate_tells_its_story() {
    for (name, _) in pages::manifests() {
        let head = ["lib", "main"].map(|file| format!("crates/{name}/src/{file}.rs"));
        let path = head.iter().find(|path| pages::root().join(path).is_file());
        let text = pages::read(path.unwrap_or_else(|| panic!("`{name}` has neither lib.rs nor main.rs")));
        let told = text.lines().take_while(|line| line.starts_with("//!")).filter(|line| line.len() > 4).count();
        // Under a page, and more than a title.
        assert!((2..=60).contains(&told), "the head of `{name}` tells its story in {told} lines");
    }
}

#[test]
fn no_name_says_nothing() {
    const EMPTY_WORDS: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "misc", "manager", "managers"];
    // Wrong today: whoever gives it a name of its own takes it out of this list, which otherwise fails.
    let known = BTreeSet::from(["crates/formats/src/shadowserver/common.rs".to_owned()]);
    let says_nothing =
        |path: &String| path.trim_end_matches(".rs").split(['/', '_', '-']).any(|word| EMPTY_WORDS.contains(&word));
    let mut paths: Vec<String> = pages::rust_files();
    paths.extend(pages::manifests().into_iter().map(|(folder, _)| format!("crates/{folder}")));
    let found: BTreeSet<String> = paths.into_iter().filter(says_nothing).collect();
    assert_eq!(found, known, "split by noun: a name such as these gathers what nobody finds again");
}
