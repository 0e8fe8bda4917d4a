//! From the archive's or layout's entry to an image's layers.

use super::ImageError;
use super::archive::Store;
use crate::model::{Hash, HashAlgorithm};
use aws_lc_rs::digest;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Layers of an image; Docker itself makes at most 127.
const MAX_LAYERS: usize = 1000;
/// Indexes in indexes.
const MAX_INDEXES: usize = 8;

/// An image that was chosen.
pub(super) struct Image {
    pub(super) name: Option<String>,
    /// Of its manifest, or where there is none of its configuration.
    pub(super) digest: String,
    pub(super) layers: Vec<Layer>,
}

/// One layer, and what it has to be.
pub(super) struct Layer {
    /// Where it lies.
    pub(super) part: String,
    /// The digest of its bytes; archives of older Dockers have none.
    pub(super) digest: Option<Hash>,
    /// The digest of its archive when unpacked.
    pub(super) diff_id: Hash,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    platform: Option<Platform>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Clone, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    fn name(&self) -> String {
        let variant = self.variant.as_ref().map(|variant| format!("/{variant}"));
        format!("{}/{}{}", self.os, self.architecture, variant.unwrap_or_default())
    }
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Configuration {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

pub(super) fn read(store: &mut Store, platform: Option<&str>) -> Result<Image, ImageError> {
    // Newer archives of Docker are OCI layouts, too; those have digests for everything.
    if let Some(index) = store.document("index.json")? {
        let index: Index = parse("index.json", &index)?;
        return layout(store, index, platform);
    }
    let Some(manifest) = store.document("manifest.json")? else {
        return Err(ImageError::input(
            "has neither index.json nor manifest.json: it is no image",
        ));
    };
    let mut saved: Vec<Saved> = parse("manifest.json", &manifest)?;
    if saved.len() > 1 {
        let names = saved
            .iter()
            .flat_map(|image| image.repo_tags.clone().unwrap_or_default());
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(ImageError::input(format!(
            "holds several images ({names}); save one at a time"
        )));
    }
    let Some(image) = saved.pop() else {
        return Err(ImageError::input("holds no image"));
    };
    saved_image(store, image)
}

fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, ImageError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ImageError::input(format!("{name} is not as expected: {error}")))
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(digest::digest(&digest::SHA256, bytes)))
}

fn wanted(text: &str) -> Result<Hash, ImageError> {
    let hash = Hash::from_prefixed(text).map_err(|error| ImageError::input(error.to_string()))?;
    if hash.algorithm() == HashAlgorithm::Sha256 {
        return Ok(hash);
    }
    Err(ImageError::input(format!(
        "{text}: of digests only sha256 is checked"
    )))
}

/// The blob of a digest, which is checked.
fn blob(store: &mut Store, digest: &str) -> Result<Vec<u8>, ImageError> {
    let part = part_of(&wanted(digest)?);
    let bytes = store
        .document(&part)?
        .ok_or_else(|| ImageError::input(format!("{part} is missing")))?;
    let found = sha256(&bytes);
    if found != digest {
        return Err(ImageError::input(format!(
            "{part} has the digest {found}: the image was altered or damaged"
        )));
    }
    Ok(bytes)
}

fn part_of(digest: &Hash) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn layout(store: &mut Store, index: Index, platform: Option<&str>) -> Result<Image, ImageError> {
    let mut candidates = Vec::new();
    collect(store, index, 0, &mut candidates)?;
    // What was saved may list platforms that were not.
    let mut present = Vec::new();
    for (found, _) in &candidates {
        present.push(store.part(&part_of(&wanted(&found.digest)?))?.is_some());
    }
    if present.contains(&true) {
        let mut present = present.into_iter();
        candidates.retain(|_| present.next().unwrap_or(false));
    }
    let all: Vec<String> = candidates.iter().map(label).collect();
    let fits = |found: &Descriptor| match (platform, &found.platform) {
        (Some(wanted), Some(own)) => {
            own.name() == wanted || format!("{}/{}", own.os, own.architecture) == wanted
        }
        (Some(_), None) => all.len() == 1,
        (None, _) => true,
    };
    candidates.retain(|(found, _)| fits(found));
    let (descriptor, name) = match candidates.as_slice() {
        [only] => only.clone(),
        [] => {
            return Err(ImageError::input(format!(
                "has no image for this platform; there are: {}",
                all.join(", ")
            )));
        }
        _ => {
            let all = all.join(", ");
            return Err(ImageError::input(format!(
                "has several images ({all}); choose one with --platform"
            )));
        }
    };
    let manifest: Manifest = parse(&descriptor.digest, &blob(store, &descriptor.digest)?)?;
    let config: Configuration = parse(&manifest.config.digest, &blob(store, &manifest.config.digest)?)?;
    let digests: Vec<Option<&str>> = manifest
        .layers
        .iter()
        .map(|layer| Some(layer.digest.as_str()))
        .collect();
    Ok(Image {
        name,
        digest: descriptor.digest,
        layers: layers(&digests, &config, |digest, _| part_of(digest))?,
    })
}

fn label((descriptor, name): &(Descriptor, Option<String>)) -> String {
    let platform = descriptor.platform.as_ref().map(Platform::name);
    match (name, platform) {
        (Some(name), Some(platform)) => format!("{name} {platform}"),
        (Some(name), None) => name.clone(),
        (None, Some(platform)) => platform,
        (None, None) => descriptor.digest.clone(),
    }
}

/// All images of an index and of those in it, with the name that they have there.
fn collect(
    store: &mut Store,
    index: Index,
    depth: usize,
    found: &mut Vec<(Descriptor, Option<String>)>,
) -> Result<(), ImageError> {
    if depth > MAX_INDEXES {
        return Err(ImageError::input(format!(
            "indexes in indexes, more than {MAX_INDEXES} deep"
        )));
    }
    for descriptor in index.manifests {
        // Attestations lie beside images as if they were such.
        if descriptor
            .platform
            .as_ref()
            .is_some_and(|platform| platform.os == "unknown")
        {
            continue;
        }
        if descriptor.media_type.ends_with("index.v1+json")
            || descriptor.media_type.ends_with("manifest.list.v2+json")
        {
            let inner = parse(&descriptor.digest, &blob(store, &descriptor.digest)?)?;
            collect(store, inner, depth.saturating_add(1), found)?;
            continue;
        }
        let name = ["io.containerd.image.name", "org.opencontainers.image.ref.name"]
            .into_iter()
            .find_map(|key| descriptor.annotations.get(key).cloned());
        if !found.iter().any(|(known, _)| known.digest == descriptor.digest) {
            found.push((descriptor, name));
        }
    }
    Ok(())
}

fn saved_image(store: &mut Store, image: Saved) -> Result<Image, ImageError> {
    let missing = || ImageError::input(format!("{} is missing", image.config));
    let bytes = store.document(&image.config)?.ok_or_else(missing)?;
    let config: Configuration = parse(&image.config, &bytes)?;
    let digest = sha256(&bytes);
    // The configuration is named by its digest.
    let stem = image
        .config
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .trim_end_matches(".json");
    if stem.len() == 64 && digest != format!("sha256:{stem}") {
        return Err(ImageError::input(format!(
            "{} has the digest {digest}: the image was altered or damaged",
            image.config
        )));
    }
    let parts = image.layers.clone();
    let digests = vec![None; parts.len()];
    Ok(Image {
        name: image.repo_tags.and_then(|tags| tags.into_iter().next()),
        digest,
        layers: layers(&digests, &config, |_, number| {
            parts.get(number).cloned().unwrap_or_default()
        })?,
    })
}

fn layers(
    digests: &[Option<&str>],
    config: &Configuration,
    part: impl Fn(&Hash, usize) -> String,
) -> Result<Vec<Layer>, ImageError> {
    let ids = &config.rootfs.diff_ids;
    if digests.len() != ids.len() {
        return Err(ImageError::input(format!(
            "the manifest has {} layers, the configuration {}",
            digests.len(),
            ids.len()
        )));
    }
    if digests.len() > MAX_LAYERS {
        return Err(ImageError::input(format!("has more than {MAX_LAYERS} layers")));
    }
    let mut layers = Vec::new();
    for (number, (digest, id)) in digests.iter().zip(ids).enumerate() {
        let digest = digest.map(wanted).transpose()?;
        let diff_id = wanted(id)?;
        layers.push(Layer {
            part: part(digest.as_ref().unwrap_or(&diff_id), number),
            digest,
            diff_id,
        });
    }
    Ok(layers)
}
