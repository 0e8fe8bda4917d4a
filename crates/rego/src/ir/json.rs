//! The wrappers that OPA's `plan.json` puts around lists, and Go's habit of writing `null` for an empty one.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Block, BuiltinFunc, Func, Local, Plan, Policy, Static};

/// Reads a list, taking `null` for an empty one.
pub(super) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

/// The string of `MakeNumberRefStmt`: OPA called the field `Index`, calls it `index`, and writes both.
pub(super) mod number_index {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Both {
        index: Option<u32>,
        #[serde(rename = "Index")]
        old: Option<u32>,
    }

    pub(crate) fn serialize<S: Serializer>(index: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        Both {
            index: Some(*index),
            old: Some(*index),
        }
        .serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let both = Both::deserialize(deserializer)?;
        match (both.index, both.old) {
            (Some(new), Some(old)) if new != old => Err(D::Error::custom(format!(
                "`index` is {new} and `Index`, its old name, is {old}"
            ))),
            (Some(index), _) | (None, Some(index)) => Ok(index),
            (None, None) => Err(D::Error::missing_field("index")),
        }
    }
}

#[derive(Serialize)]
struct PolicyRef<'a> {
    #[serde(rename = "static")]
    static_: &'a Static,
    plans: PlansRef<'a>,
    funcs: FuncsRef<'a>,
}

#[derive(Serialize)]
struct PlansRef<'a> {
    plans: &'a [Plan],
}

#[derive(Serialize)]
struct FuncsRef<'a> {
    funcs: &'a [Func],
}

#[derive(Deserialize)]
struct PolicyOwned {
    #[serde(rename = "static", default)]
    static_: Static,
    #[serde(default)]
    plans: PlansOwned,
    #[serde(default)]
    funcs: FuncsOwned,
}

#[derive(Default, Deserialize)]
struct PlansOwned {
    #[serde(deserialize_with = "null_is_empty")]
    plans: Vec<Plan>,
}

#[derive(Default, Deserialize)]
struct FuncsOwned {
    #[serde(deserialize_with = "null_is_empty")]
    funcs: Vec<Func>,
}

#[derive(Serialize, Deserialize)]
struct StringConst<T> {
    value: T,
}

fn is_empty<T>(list: &[T]) -> bool {
    list.is_empty()
}

#[derive(Serialize)]
struct StaticRef<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    strings: Vec<StringConst<&'a str>>,
    #[serde(skip_serializing_if = "is_empty")]
    builtin_funcs: &'a [BuiltinFunc],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<StringConst<&'a str>>,
}

#[derive(Deserialize)]
struct StaticOwned {
    #[serde(default, deserialize_with = "null_is_empty")]
    strings: Vec<StringConst<String>>,
    #[serde(default, deserialize_with = "null_is_empty")]
    builtin_funcs: Vec<BuiltinFunc>,
    #[serde(default, deserialize_with = "null_is_empty")]
    files: Vec<StringConst<String>>,
}

#[derive(Serialize)]
struct PlanRef<'a> {
    name: &'a str,
    blocks: &'a [Block],
}

#[derive(Deserialize)]
struct PlanOwned {
    name: String,
    #[serde(deserialize_with = "null_is_empty")]
    blocks: Vec<Block>,
}

#[derive(Serialize)]
struct FuncRef<'a> {
    name: &'a str,
    params: &'a [Local],
    #[serde(rename = "return")]
    return_: Local,
    blocks: &'a [Block],
    #[serde(skip_serializing_if = "is_empty")]
    path: &'a [String],
}

#[derive(Deserialize)]
struct FuncOwned {
    name: String,
    #[serde(deserialize_with = "null_is_empty")]
    params: Vec<Local>,
    #[serde(rename = "return")]
    return_: Local,
    #[serde(deserialize_with = "null_is_empty")]
    blocks: Vec<Block>,
    #[serde(default, deserialize_with = "null_is_empty")]
    path: Vec<String>,
}

fn constants(list: &[String]) -> Vec<StringConst<&str>> {
    list.iter()
        .map(|value| StringConst {
            value: value.as_str(),
        })
        .collect()
}

impl Serialize for Static {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = StaticRef {
            strings: constants(&self.strings),
            builtin_funcs: &self.builtin_funcs,
            files: constants(&self.files),
        };
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Static {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = StaticOwned::deserialize(deserializer)?;
        Ok(Self {
            strings: json.strings.into_iter().map(|constant| constant.value).collect(),
            builtin_funcs: json.builtin_funcs,
            files: json.files.into_iter().map(|constant| constant.value).collect(),
        })
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        PlanRef {
            name: &self.name,
            blocks: &self.blocks,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = PlanOwned::deserialize(deserializer)?;
        Ok(Self {
            name: json.name,
            blocks: json.blocks,
        })
    }
}

impl Serialize for Func {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = FuncRef {
            name: &self.name,
            params: &self.params,
            return_: self.return_,
            blocks: &self.blocks,
            path: &self.path,
        };
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Func {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = FuncOwned::deserialize(deserializer)?;
        Ok(Self {
            name: json.name,
            path: json.path,
            params: json.params,
            return_: json.return_,
            blocks: json.blocks,
        })
    }
}

impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = PolicyRef {
            static_: &self.static_,
            plans: PlansRef { plans: &self.plans },
            funcs: FuncsRef { funcs: &self.funcs },
        };
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = PolicyOwned::deserialize(deserializer)?;
        Ok(Self {
            static_: json.static_,
            plans: json.plans.plans,
            funcs: json.funcs.funcs,
        })
    }
}
