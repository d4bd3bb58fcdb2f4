//! Defaults, then the file, then the environment; each key judged by itself, so that all problems
//! are told at once.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Table, Value};

use super::locate::{nearest, place};
use super::problem::{Place, Problem};
use super::{Config, sound};

/// Environment variables, by name.
pub type Environment = BTreeMap<String, String>;

/// What environment variables of ours begin with.
const PREFIX: &str = "NTM_";

/// A configuration with all that was wrong on the way to it.
#[derive(Debug)]
pub struct Loaded {
    /// Defaults stand in for whatever was wrong.
    pub config: Config,
    /// What was wrong, in order of place. Start only when there is nothing.
    pub problems: Vec<Problem>,
}

/// Lays the environment over the file over the defaults.
pub fn load(text: &str, environment: &Environment) -> Loaded {
    let mut overlay = Overlay::new();
    overlay.file(text);
    overlay.environment(environment);
    overlay.finish()
}

struct Overlay {
    values: Table,
    places: BTreeMap<String, Place>,
    problems: Vec<Problem>,
}

impl Overlay {
    fn new() -> Self {
        let values = Table::try_from(Config::default()).unwrap_or_default();
        debug_assert!(values.contains_key("data_dir"), "defaults can be written");
        Self {
            values,
            places: BTreeMap::new(),
            problems: Vec::new(),
        }
    }

    fn file(&mut self, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let at = error.span().map_or(0, |s| s.start);
            self.problem(place(text, at), "", error.message().to_owned());
        }
        self.section(text, "", table.into_inner());
    }

    fn section(&mut self, text: &str, path: &str, table: DeTable<'_>) {
        for (key, value) in table {
            let at = place(text, key.span().start);
            let path = join(path, key.get_ref());
            match (known(&self.values, &path), value.get_ref()) {
                (None, _) => self.unknown(at, &path),
                (Some(Value::Table(_)), DeValue::Table(_)) => {
                    if let DeValue::Table(inner) = value.into_inner() {
                        self.section(text, &path, inner);
                    }
                }
                (Some(Value::Table(_)), _) => {
                    let message = format!("is a section: write [{path}] and its keys below");
                    self.problem(at, &path, message);
                }
                (Some(_), _) => self.value(text, &path, value),
            }
        }
    }

    fn value(&mut self, text: &str, path: &str, value: Spanned<DeValue<'_>>) {
        let at = place(text, value.span().start);
        for (at, item) in tables_of(text, &value) {
            self.judge_item(at, path, item);
        }
        match Value::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => self.set(at, path, value),
            Err(error) => self.problem(at, path, error.message().to_owned()),
        }
    }

    /// An element of an array of tables is judged by itself, for the sake of its place.
    fn judge_item(&mut self, at: Place, path: &str, item: Value) {
        if let Err(message) = self.fits(path, Value::Array(vec![item])) {
            self.problem(at, path, message);
        }
    }

    fn environment(&mut self, environment: &Environment) {
        for (name, text) in environment {
            let Some(path) = key_of(name) else { continue };
            let at = Place::Variable(name.clone());
            match known(&self.values, &path) {
                Some(Value::Table(_)) | None if name.contains("__") => self.unknown(at, &path),
                Some(Value::Table(_)) | None => {}
                Some(default) => {
                    let value = read_variable(text, default);
                    self.set(at, &path, value);
                }
            }
        }
    }

    fn set(&mut self, at: Place, path: &str, value: Value) {
        match self.fits(path, value.clone()) {
            Ok(()) => {
                put(&mut self.values, path, value);
                self.places.insert(path.to_owned(), at);
            }
            Err(_) if self.has_problem(path) => {}
            Err(message) => self.problem(at, path, message),
        }
    }

    fn fits(&self, path: &str, value: Value) -> Result<(), String> {
        let mut trial = Table::try_from(Config::default()).unwrap_or_default();
        put(&mut trial, path, value);
        match Config::deserialize(Value::Table(trial).into_deserializer()) {
            Ok(_) => Ok(()),
            Err(error) => Err(first_line(error.message())),
        }
    }

    fn unknown(&mut self, at: Place, path: &str) {
        let all = paths(&self.values, "");
        let all = || all.iter().map(String::as_str);
        let namesake = all().find(|k| last(k) == last(path));
        let neighbours = all().filter(|k| parent(k) == parent(path));
        let guess = namesake
            .or_else(|| nearest(path, neighbours))
            .or_else(|| nearest(path, all()));
        let message = match guess {
            Some(guess) => format!("no such key: did you mean {guess}?"),
            None => "no such key: `ntm-server example-config` prints all there are".to_owned(),
        };
        self.problem(at, path, message);
    }

    fn has_problem(&self, path: &str) -> bool {
        self.problems.iter().any(|p| p.key == path)
    }

    fn problem(&mut self, place: Place, key: &str, message: String) {
        self.problems.push(Problem {
            place,
            key: key.to_owned(),
            message,
        });
    }

    fn finish(mut self) -> Loaded {
        let config = Config::deserialize(Value::Table(self.values.clone()).into_deserializer())
            .unwrap_or_default();
        for (key, message) in sound::judge(&config) {
            if self.has_problem(key) {
                continue;
            }
            let place = self.places.get(key).cloned().unwrap_or(Place::Default);
            self.problem(place, key, message);
        }
        self.problems.sort();
        Loaded {
            config,
            problems: self.problems,
        }
    }
}

/// `NTM_DC__LISTEN` sets `dc.listen`: two underscores are the dot.
fn key_of(variable: &str) -> Option<String> {
    let name = variable.strip_prefix(PREFIX)?;
    Some(name.to_ascii_lowercase().replace("__", "."))
}

/// The text as TOML if it is TOML of the default's kind; else as a list with commas or as a string.
fn read_variable(text: &str, default: &Value) -> Value {
    let as_toml = format!("v = {text}").parse::<Table>().ok();
    let as_toml = as_toml.and_then(|mut t| t.remove("v"));
    match (as_toml, default) {
        (Some(value), _) if value.same_type(default) => value,
        (_, Value::Array(_)) => {
            let items = text.split(',').map(str::trim).filter(|s| !s.is_empty());
            Value::Array(items.map(|s| Value::String(s.to_owned())).collect())
        }
        _ => Value::String(text.to_owned()),
    }
}

fn tables_of(text: &str, value: &Spanned<DeValue<'_>>) -> Vec<(Place, Value)> {
    let DeValue::Array(items) = value.get_ref() else {
        return Vec::new();
    };
    items
        .iter()
        .filter(|item| matches!(item.get_ref(), DeValue::Table(_)))
        .filter_map(|item| {
            let at = place(text, item.span().start);
            let read = Value::deserialize(ValueDeserializer::from(item.clone()));
            read.ok().map(|v| (at, v))
        })
        .collect()
}

fn known<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        None => table.get(path),
        Some((head, rest)) => known(table.get(head)?.as_table()?, rest),
    }
}

fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            if let Some(Value::Table(inner)) = table.get_mut(head) {
                put(inner, rest, value);
            }
        }
    }
}

fn paths(table: &Table, prefix: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (key, value) in table {
        let path = join(prefix, key);
        if let Value::Table(inner) = value {
            out.extend(paths(inner, &path));
        }
        out.push(path);
    }
    out
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}.{key}")
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(p, _)| p)
}

fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, l)| l)
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;

    fn variables(pairs: &[(&str, &str)]) -> Environment {
        let own = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        pairs.iter().map(own).collect()
    }

    fn complaints(text: &str) -> Vec<String> {
        let loaded = load(text, &Environment::new());
        loaded.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_example_says_the_defaults_and_leaves_no_key_out() {
        let loaded = load(EXAMPLE, &Environment::new());
        assert_eq!(loaded.problems, []);
        assert_eq!(loaded.config, Config::default());
        let written: Table = EXAMPLE.parse().unwrap();
        let all = Table::try_from(Config::default()).unwrap();
        assert_eq!(paths(&written, ""), paths(&all, ""));
    }

    #[test]
    fn every_key_can_be_set_by_a_variable_that_holds_its_default() {
        let all = Table::try_from(Config::default()).unwrap();
        for path in paths(&all, "") {
            let value = known(&all, &path).unwrap();
            if value.is_table() {
                continue;
            }
            let name = format!("NTM_{}", path.to_ascii_uppercase().replace('.', "__"));
            let loaded = load("", &variables(&[(&name, &value.to_string())]));
            assert_eq!(loaded.problems, [], "{name}={value} is the default");
        }
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let text =
            "[dc]\nlisten = [\"127.0.0.1:1111\"]\npoll_s = 3\n[rs]\nlisten = [\"127.0.0.1:1\"]";
        let env = variables(&[
            ("NTM_DC__LISTEN", "127.0.0.1:2222, [::1]:2222"),
            ("HOME", "/"),
        ]);
        let config = load(text, &env).config;
        let ports: Vec<_> = config.dc.listen.iter().map(|e| e.0.to_string()).collect();
        assert_eq!(ports, ["127.0.0.1:2222", "[::1]:2222"]);
        assert_eq!((config.dc.poll_s, config.dns.timeout_ms), (3, 2_000));
    }

    #[test]
    fn a_peer_is_read_with_its_address_or_without() {
        let key = "ab".repeat(32);
        let text = format!(
            "[[dc.peers]]\ndomains = [\"example.net\"]\nkey = \"{key}\"\nauthority = \"{key}\"\n"
        );
        let loaded = load(&text, &Environment::new());
        assert_eq!(loaded.problems, []);
        assert_eq!(loaded.config.dc.peers[0].address, None);
    }

    #[test]
    fn a_misspelt_key_is_told_with_its_place_and_the_key_meant() {
        assert_eq!(
            complaints("domain = \"example.org\"\n[dc]\nlisen = []\n"),
            ["line 3, column 1: dc.lisen: no such key: did you mean dc.listen?"]
        );
    }

    #[test]
    fn a_key_in_the_wrong_section_is_told_where_it_belongs() {
        assert_eq!(
            complaints("[rs]\npoll_s = 5\n"),
            ["line 2, column 1: rs.poll_s: no such key: did you mean dc.poll_s?"]
        );
    }

    #[test]
    fn all_problems_are_told_at_once_in_order_of_place() {
        let text = "domain = 7\n[dc]\npoll_s = \"often\"\n[rs]\nlisten = [\"here\"]\n";
        assert_eq!(
            complaints(text),
            [
                "line 1, column 10: domain: invalid type: integer `7`, expected a string",
                "line 3, column 10: dc.poll_s: invalid type: string \"often\", expected u64",
                "line 5, column 10: rs.listen: \"here\" is no address and port: write it like 0.0.0.0:7930 or [::]:7930",
            ]
        );
    }

    #[test]
    fn a_wrong_peer_is_told_with_its_own_place() {
        let key = "ab".repeat(32);
        let good = format!("[[dc.peers]]\ndomains = []\nkey = \"{key}\"\nauthority = \"{key}\"\n");
        let text =
            format!("{good}[[dc.peers]]\ndomains = []\nkey = \"short\"\nauthority = \"{key}\"\n");
        assert_eq!(
            complaints(&text),
            [
                "line 5, column 1: dc.peers: a key is 64 hexadecimal digits, and this has 5 characters: copy it from `ntm-server keys` of the other side"
            ]
        );
    }

    #[test]
    fn broken_toml_is_told_with_its_place() {
        let told = complaints("domain = \"example.org\n");
        assert!(told[0].starts_with("line 1, column "), "{told:?}");
    }

    #[test]
    fn a_variable_in_a_section_that_names_no_key_is_told() {
        let loaded = load(
            "",
            &variables(&[("NTM_DC__LISEN", "x"), ("NTM_LOG", "debug")]),
        );
        let told: Vec<_> = loaded.problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            ["environment NTM_DC__LISEN: dc.lisen: no such key: did you mean dc.listen?"]
        );
    }

    #[test]
    fn a_value_that_makes_no_sense_on_this_machine_is_told() {
        assert_eq!(
            complaints("[as]\ntls = \"files\"\ntls_key_file = \"/no/such\"\n"),
            [
                "line 3, column 16: as.tls_key_file: /no/such can't be read: No such file or directory (os error 2)",
                "not set: as.tls_certificate_file: is empty: name the PEM file, or set as.tls = \"self-signed\"",
            ]
        );
    }
}
