//! What kinds of files policies are checked against.

use serde::{Deserialize, Serialize};

/// What a file is, as far as a policy needs to know to understand it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputKind {
    /// An ARM template, or what Bicep compiles to.
    Arm,
    /// A CloudFormation template.
    Cloudformation,
    /// A Compose file.
    Compose,
    /// A CycloneDX bill of materials.
    Cyclonedx,
    /// A Dockerfile, as a list of its instructions.
    Dockerfile,
    /// A workflow of GitHub Actions.
    GithubActions,
    /// A pipeline of GitLab.
    GitlabCi,
    /// HCL: one file, as it is written.
    Hcl,
    /// JSON of no other kind.
    Json,
    /// A Kubernetes object.
    Kubernetes,
    /// An OpenAPI description.
    Openapi,
    /// An SPDX bill of materials.
    Spdx,
    /// A module of Terraform's language, evaluated as far as its text tells, in the shape of a plan.
    Terraform,
    /// A Terraform plan as JSON (`terraform show -json`).
    TerraformPlan,
    /// TOML of no other kind.
    Toml,
    /// YAML of no other kind.
    Yaml,
}

crate::violation::words!(InputKind {
    Arm => "arm",
    Cloudformation => "cloudformation",
    Compose => "compose",
    Cyclonedx => "cyclonedx",
    Dockerfile => "dockerfile",
    GithubActions => "github-actions",
    GitlabCi => "gitlab-ci",
    Hcl => "hcl",
    Json => "json",
    Kubernetes => "kubernetes",
    Openapi => "openapi",
    Spdx => "spdx",
    Terraform => "terraform",
    TerraformPlan => "terraform-plan",
    Toml => "toml",
    Yaml => "yaml"
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_json() {
        for kind in InputKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
            assert_eq!(kind.as_str().parse::<InputKind>().unwrap(), *kind);
        }
    }
}
