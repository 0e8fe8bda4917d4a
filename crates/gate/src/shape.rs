//! What a YAML file with an unusual name is, told by its shape: files of Compose and of GitLab CI may be called anything, and so may any configuration.
//!
//! So everything must fit. A file is taken for one of these only if those programs would take it: no key on its first two levels that they don't know, and something to
//! run in it. The words are those of the Compose Specification (<https://compose-spec.io>) and of GitLab's CI/CD YAML syntax reference
//! (<https://docs.gitlab.com/ci/yaml/>).

use stele_types::{InputKind, Value};

/// What may stand at the top of a Compose file, beside names that begin with `x-`.
const COMPOSE: &str = "configs include models name networks secrets services version volumes";

/// What a service of Compose may say.
const SERVICE: &str = "annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count \
    cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy develop \
    device_cgroup_rules devices dns dns_opt dns_search domainname driver_opts entrypoint env_file environment expose extends external_links \
    extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links log_driver log_opt logging mac_address \
    mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform \
    ports post_start pre_stop privileged profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt \
    shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes \
    volumes_from working_dir";

/// What may stand at the top of a file of GitLab CI and is no job.
const GITLAB: &str =
    "after_script before_script cache default image include services spec stages types variables workflow";

/// What a job of GitLab CI may say.
const JOB: &str = "after_script allow_failure artifacts before_script cache coverage dast_configuration dependencies environment except extends \
    hooks id_tokens identity image inherit inputs interruptible manual_confirmation needs only pages parallel publish release resource_group \
    retry rules run script secrets services stage start_in tags timeout trigger type variables when";

/// The kind of a document in a file whose name does not say.
pub(crate) fn kind_of(path: &str, document: &Value) -> Option<InputKind> {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    // Values of a Helm chart may have the shape of anything.
    if name.starts_with("values") {
        return None;
    }
    if is_compose(document) {
        return Some(InputKind::Compose);
    }
    is_gitlab(document).then_some(InputKind::GitlabCi)
}

fn is_one_of(words: &str, key: &str) -> bool {
    words.split_ascii_whitespace().any(|word| word == key)
}

/// The members of a mapping whose keys are all known or begin so.
fn known<'a>(value: &'a Value, words: &str, extension: &str) -> Option<Vec<(&'a str, &'a Value)>> {
    let members = value.as_object()?.iter();
    let members: Vec<_> = members
        .map(|(key, value)| Some((key.as_str()?, value)))
        .collect::<Option<_>>()?;
    let fits = |key: &str| is_one_of(words, key) || !extension.is_empty() && key.starts_with(extension);
    members.iter().all(|(key, _)| fits(key)).then_some(members)
}

fn is_compose(document: &Value) -> bool {
    let Some(services) = document.get("services").and_then(Value::as_object) else {
        return false;
    };
    let service = |service: &Value| known(service, SERVICE, "x-").is_some();
    let runs = |service: &Value| ["image", "build"].iter().any(|key| service.get(key).is_some());
    known(document, COMPOSE, "x-").is_some() && services.values().all(service) && services.values().any(runs)
}

fn is_gitlab(document: &Value) -> bool {
    let Some(members) = document.as_object() else {
        return false;
    };
    let (mut runs, mut stages) = (false, false);
    for (key, value) in members.iter() {
        let Some(key) = key.as_str() else { return false };
        if is_one_of(GITLAB, key) {
            stages |= key == "stages" && value.as_array().is_some();
            continue;
        }
        let job = known(value, JOB, "");
        let is_hidden = key.starts_with('.');
        let does = |(key, _): &(&str, &Value)| ["extends", "run", "script", "trigger"].contains(key);
        match job {
            Some(said) if said.iter().any(does) => runs = true,
            // Hidden ones may hold anything, for anchors.
            _ if is_hidden => {}
            _ => return false,
        }
    }
    // Of a file with nothing but what all jobs share, its stages tell.
    runs || stages && (members.iter().any(|(key, _)| key.as_str() == Some("include")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Origin, Source};

    fn kinds(name: &str, text: &str) -> Vec<InputKind> {
        let source = Source {
            name: name.to_owned(),
            origin: Origin::Text(text.to_owned()),
            kind: None,
            configuration: None,
        };
        let input = source.read().unwrap();
        input.documents.iter().map(|(_, kind, _)| *kind).collect()
    }

    #[test]
    fn files_with_unusual_names_are_told_by_their_shape() {
        let cases = [
            ("services: {web: {image: nginx}}", InputKind::Compose),
            (
                "x-log: &log {driver: none}\nservices: {web: {build: ., logging: *log}, db: {ports: ['1:1']}}",
                InputKind::Compose,
            ),
            (
                "version: '3.8'\nservices: {web: {image: nginx, deploy: {replicas: 2}, x-own: 1}}\nvolumes: {}",
                InputKind::Compose,
            ),
            ("build: {stage: build, script: make}", InputKind::GitlabCi),
            (
                ".base: &base {image: alpine}\ntest:\n  <<: *base\n  script: [make, test]",
                InputKind::GitlabCi,
            ),
            (
                ".deploy: {script: [make], rules: [{if: $CI}]}",
                InputKind::GitlabCi,
            ),
            (
                "stages: [a]\ninclude: other.yml\nvariables: {A: b}",
                InputKind::GitlabCi,
            ),
            ("child: {trigger: {include: a.yml}}", InputKind::GitlabCi),
        ];
        for (text, expected) in cases {
            assert_eq!(kinds("deploy/stack.yaml", text), [expected], "{text}");
        }
    }

    #[test]
    fn plain_configuration_stays_plain() {
        for text in [
            // A chart's values, Symfony, Home Assistant, Woodpecker, Travis, CircleCI, conda, Azure, Bitbucket, Taskfile, mkdocs, Ansible.
            "services: {web: {image: nginx, replicas: 2}}",
            "services: {web: {image: {repository: nginx}, port: 1}}",
            "services: {_defaults: {autowire: true}, 'App\\': {resource: ../src}}",
            "services: {web: {ports: ['1:1']}}",
            "services: [web]",
            "image: nginx\nservices: {web: {image: nginx}}\nreplicas: 1",
            "automation: {trigger: {platform: sun}, action: {service: light.on}}",
            "steps: {build: {image: go, commands: [make]}}\nservices: {db: {image: pg}}",
            "language: go\nscript: make",
            "version: 2.1\njobs: {build: {steps: [checkout]}}",
            "package: {name: x, version: 1}\nbuild: {number: 0, script: make}",
            "trigger: [main]\nsteps: [{script: make}]",
            "pipelines: {default: [{step: {script: [make]}}]}",
            "version: '3'\ntasks: {build: {cmds: [make]}}",
            "site_name: x\nnav: [{a: b}]",
            "stages: [a]",
            "include: [a.yml]",
            "variables: {A: b}",
            "name: x\nruns: {using: composite, steps: []}",
            "hooks: {script: make, retries: 3}",
            "- hosts: all\n  tasks: []",
            "a: 1",
        ] {
            assert_eq!(kinds("conf/app.yaml", text), [InputKind::Yaml], "{text}");
        }
        let text = "services: {web: {image: nginx}}";
        assert_eq!(kinds("chart/values-prod.yaml", text), [InputKind::Yaml]);
    }

    /// Every example of the library is the same thing under a name that says nothing.
    #[test]
    fn examples_are_what_their_names_say() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
        let mut seen = std::collections::BTreeSet::new();
        for entry in ["examples", "templates", "policies"]
            .iter()
            .flat_map(|below| walkdir::WalkDir::new(format!("{root}{below}")))
        {
            let path = entry.unwrap().into_path();
            let name = path.to_str().unwrap().trim_start_matches(root).to_owned();
            if !name.ends_with(".yaml") && !name.ends_with(".yml") {
                continue;
            }
            let Ok(text) = std::fs::read_to_string(&path) else {
                continue;
            };
            let renamed = kinds("some/thing.yaml", &text);
            assert_eq!(kinds(&name, &text), renamed, "{name}");
            seen.extend(renamed.into_iter().map(InputKind::as_str));
        }
        for kind in [
            "compose",
            "gitlab-ci",
            "github-actions",
            "kubernetes",
            "openapi",
            "cloudformation",
            "yaml",
        ] {
            assert!(seen.contains(kind), "{kind}: {seen:?}");
        }
    }
}
