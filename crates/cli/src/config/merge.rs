//! Lays the sources of configuration over each other: defaults, `stele.toml`, `STELE_...` variables, `--set` flags.

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

/// Lays `over` on `base`; tables merge, everything else replaces.
pub(super) fn lay(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Every key that is no table, as the path of its parts.
pub(super) fn leaves(table: &Table) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                for mut path in leaves(inner) {
                    path.insert(0, key.clone());
                    found.push(path);
                }
            }
            _ => found.push(vec![key.clone()]),
        }
    }
    found
}

/// The variable that overrides a key: `server.listen` is `STELE_SERVER_LISTEN`.
pub(super) fn variable(path: &[String]) -> String {
    format!("STELE_{}", path.join("_").to_uppercase().replace('-', "_"))
}

/// Sets one key from text. The text is read as the kind of value the key has now; a new key takes TOML or plain text.
pub(super) fn set(table: &mut Table, path: &[String], text: &str) -> Result<()> {
    let Some((last, parents)) = path.split_last() else {
        bail!("empty key")
    };
    let mut at = table;
    for part in parents {
        let entry = at
            .entry(part.clone())
            .or_insert_with(|| Value::Table(Table::new()));
        at = match entry {
            Value::Table(inner) => inner,
            _ => bail!("`{part}` in `{}` is no table", path.join(".")),
        };
    }
    let value = read(at.get(last), text).with_context(|| format!("`{}`", path.join(".")))?;
    at.insert(last.clone(), value);
    Ok(())
}

fn read(current: Option<&Value>, text: &str) -> Result<Value> {
    Ok(match current {
        Some(Value::String(_)) => Value::String(text.into()),
        Some(Value::Integer(_)) => Value::Integer(
            text.parse()
                .with_context(|| format!("`{text}` is no whole number"))?,
        ),
        Some(Value::Boolean(_)) => Value::Boolean(
            text.parse()
                .with_context(|| format!("`{text}` is neither true nor false"))?,
        ),
        _ => format!("v = {text}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("v"))
            .unwrap_or_else(|| Value::String(text.into())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(Into::into).collect()
    }

    #[test]
    fn tables_merge_and_values_replace() {
        let mut base = table("a = 1\n[s]\nx = 1\ny = [1]\n");
        lay(&mut base, table("[s]\ny = [2]\nz = true\n"));
        assert_eq!(base, table("a = 1\n[s]\nx = 1\ny = [2]\nz = true\n"));
    }

    #[test]
    fn each_leaf_has_its_variable() {
        let found: Vec<_> = leaves(&table("a = 1\n[s]\nx_y = 1\n"))
            .iter()
            .map(|path| variable(path))
            .collect();
        assert_eq!(found, ["STELE_A", "STELE_S_X_Y"]);
    }

    #[test]
    fn text_is_read_as_the_kind_the_key_has() {
        let mut base = table("n = 1\ns = \"a\"\nb = true\n");
        for (key, text) in [
            ("n", "7"),
            ("s", "7"),
            ("b", "false"),
            ("new.list", "[1, 2]"),
            ("new.word", "plain"),
        ] {
            set(&mut base, &path(key), text).unwrap();
        }
        assert_eq!(
            base,
            table("n = 7\ns = \"7\"\nb = false\n[new]\nlist = [1, 2]\nword = \"plain\"\n")
        );
        assert!(set(&mut base, &path("n"), "many").is_err());
        assert!(set(&mut base, &path("n.deeper"), "1").is_err());
    }
}
