//! A repository of many kinds of files, in the proportions of one that deploys services: 40% Kubernetes, 30% Terraform, 10% CloudFormation, 10% Dockerfiles, 10% workflows.

use anyhow::{Context, Result};
use std::path::Path;

/// Writes so many files below a directory.
pub(super) fn write(root: &Path, files: usize) -> Result<()> {
    for index in 0..files {
        // One file in fifty has something wrong.
        let wrong = index % 50 == 3;
        let team = index % 97;
        let (path, text) = match index % 10 {
            0..=3 => (
                format!("deploy/team-{team}/service-{index}.yaml"),
                kubernetes(index, wrong),
            ),
            // A module of three files or more.
            4..=6 => (
                format!("infra/team-{team}/part-{}/{}.tf", index / 300, index),
                terraform(index, wrong),
            ),
            7 => (
                format!("stacks/team-{team}/stack-{index}.yaml"),
                cloudformation(index, wrong),
            ),
            8 => (
                format!("images/image-{index}/Dockerfile"),
                dockerfile(index, wrong),
            ),
            _ => (
                format!("services/service-{index}/.github/workflows/build.yml"),
                workflow(index, wrong),
            ),
        };
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().context("below the root")?)?;
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// Files of some kinds, each with something wrong.
pub(super) fn wrong_files() -> [(&'static str, String); 4] {
    [
        ("deployment.yaml", kubernetes(0, true)),
        ("main.tf", terraform(0, true)),
        ("stack.yaml", cloudformation(0, true)),
        ("Dockerfile", dockerfile(0, true)),
    ]
}

fn kubernetes(index: usize, wrong: bool) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: service-{index}
  namespace: team-{team}
  labels:
    app: service-{index}
spec:
  replicas: 3
  selector:
    matchLabels:
      app: service-{index}
  template:
    metadata:
      labels:
        app: service-{index}
    spec:
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        seccompProfile:
          type: RuntimeDefault
      containers:
      - name: main
        image: registry.example.com/service-{index}@sha256:{digest}
        ports:
        - containerPort: 8080
        resources:
          requests: {{cpu: 100m, memory: 128Mi}}
          limits: {{cpu: 500m, memory: 256Mi}}
        securityContext:
          privileged: {wrong}
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities:
            drop: [ALL]
---
apiVersion: v1
kind: Service
metadata:
  name: service-{index}
  namespace: team-{team}
spec:
  selector:
    app: service-{index}
  ports:
  - port: 80
    targetPort: 8080
",
        team = index % 97,
        digest = "0123456789abcdef".repeat(4),
    )
}

fn terraform(index: usize, wrong: bool) -> String {
    let acl = if wrong { "public-read" } else { "private" };
    format!(
        "locals {{
  tags_{index} = merge({{ Name = \"bucket-{index}\" }}, {{ Team = \"team-{team}\" }})
}}

resource \"aws_s3_bucket\" \"bucket_{index}\" {{
  bucket = \"bucket-{index}\"
  acl    = \"{acl}\"
  tags   = local.tags_{index}

  versioning {{
    enabled = true
  }}
}}

resource \"aws_security_group\" \"group_{index}\" {{
  name = \"group-{index}\"

  dynamic \"ingress\" {{
    for_each = [443, 8443]
    content {{
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = \"tcp\"
      cidr_blocks = [\"10.${{{index} % 200}}.0.0/16\"]
    }}
  }}
}}

resource \"aws_ebs_volume\" \"volume_{index}\" {{
  count             = 2
  availability_zone = \"eu-west-1a\"
  encrypted         = true
  size              = 10 * (count.index + 1)
}}
",
        team = index % 97,
    )
}

fn cloudformation(index: usize, wrong: bool) -> String {
    format!(
        "AWSTemplateFormatVersion: '2010-09-09'
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub 'bucket-{index}-${{AWS::AccountId}}'
      AccessControl: {acl}
      BucketEncryption:
        ServerSideEncryptionConfiguration:
        - ServerSideEncryptionByDefault: {{SSEAlgorithm: 'aws:kms'}}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: queue-{index}
      KmsMasterKeyId: alias/aws/sqs
Outputs:
  Arn:
    Value: !GetAtt Bucket.Arn
",
        acl = if wrong { "PublicRead" } else { "Private" },
    )
}

fn dockerfile(index: usize, wrong: bool) -> String {
    let user = if wrong { "root" } else { "10001" };
    format!(
        "FROM golang:1.24@sha256:{digest} AS build
WORKDIR /src
COPY . .
RUN go build -o /out/service-{index} ./cmd/service
FROM gcr.io/distroless/static@sha256:{digest}
COPY --from=build /out/service-{index} /service
USER {user}
HEALTHCHECK CMD [\"/service\", \"health\"]
ENTRYPOINT [\"/service\"]
",
        digest = "0123456789abcdef".repeat(4),
    )
}

fn workflow(index: usize, wrong: bool) -> String {
    let version = if wrong {
        "v4"
    } else {
        "11bd71901bbe5b1630ceea73d27597364c9af683"
    };
    format!(
        "name: build-{index}
on: [push]
permissions:
  contents: read
jobs:
  build:
    runs-on: ubuntu-24.04
    timeout-minutes: 20
    steps:
    - uses: actions/checkout@{version}
    - run: make test SERVICE=service-{index}
"
    )
}
