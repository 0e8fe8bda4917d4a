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
    /// Variables of an environment (`.env`).
    Dotenv,
    /// A bootstrap configuration of Envoy.
    Envoy,
    /// A workflow of GitHub Actions.
    GithubActions,
    /// A pipeline of GitLab.
    GitlabCi,
    /// HCL: one file, as it is written.
    Hcl,
    /// An INI file.
    Ini,
    /// JSON of no other kind.
    Json,
    /// A Kubernetes object.
    Kubernetes,
    /// Configuration of nginx, as a list of its directives.
    Nginx,
    /// An OpenAPI description.
    Openapi,
    /// Java properties.
    Properties,
    /// An SPDX bill of materials.
    Spdx,
    /// A module of Terraform's language, evaluated as far as its text tells, in the shape of a plan.
    Terraform,
    /// A Terraform plan as JSON (`terraform show -json`).
    TerraformPlan,
    /// TOML of no other kind.
    Toml,
    /// Packages and their known vulnerabilities, as `stele vuln scan --write-input` writes them.
    Vulnerabilities,
    /// XML of no other kind.
    Xml,
    /// YAML of no other kind.
    Yaml,
}

crate::violation::words!(InputKind {
    Arm => "arm",
    Cloudformation => "cloudformation",
    Compose => "compose",
    Cyclonedx => "cyclonedx",
    Dockerfile => "dockerfile",
    Dotenv => "dotenv",
    Envoy => "envoy",
    GithubActions => "github-actions",
    GitlabCi => "gitlab-ci",
    Hcl => "hcl",
    Ini => "ini",
    Json => "json",
    Kubernetes => "kubernetes",
    Nginx => "nginx",
    Openapi => "openapi",
    Properties => "properties",
    Spdx => "spdx",
    Terraform => "terraform",
    TerraformPlan => "terraform-plan",
    Toml => "toml",
    Vulnerabilities => "vulnerabilities",
    Xml => "xml",
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
