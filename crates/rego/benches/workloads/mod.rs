//! The workloads: three policies and seeded documents, the same bytes on every machine.
//!
//! `rbac`: 100 roles of ten permissions, 1,000 users of three roles, one small question. `k8s`: the admission review of a pod with three containers and seven
//! faults. `tfplan`: a Terraform plan of 200 resource changes.

use serde_json::{Value, json};

/// A policy and a question.
pub(crate) struct Workload {
    /// File name of the policy.
    pub(crate) file: &'static str,
    /// Rego.
    pub(crate) policy: String,
    /// The rule asked for, below `data`.
    pub(crate) entry_point: String,
    /// JSON.
    pub(crate) data: Vec<u8>,
    /// JSON.
    pub(crate) input: Vec<u8>,
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Seeded(u64);

impl Seeded {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn next(&mut self, below: usize) -> usize {
        usize::try_from(self.draw() % below as u64).unwrap_or_default()
    }

    /// `count` different numbers below `below`.
    fn sample(&mut self, below: usize, count: usize) -> Vec<usize> {
        let mut chosen = Vec::new();
        while chosen.len() < count {
            let one = self.next(below);
            if !chosen.contains(&one) {
                chosen.push(one);
            }
        }
        chosen
    }
}

/// JSON with the members of objects in an order of their own: the same for all objects of a shape, and not sorted, as tools write them.
fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Array(elements) => {
            let elements: Vec<Vec<u8>> = elements.iter().map(bytes).collect();
            [b"[", elements.join(&b","[..]).as_slice(), b"]"].concat()
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(name, _)| {
                name.bytes()
                    .fold(42_u64, |hash, byte| Seeded(hash ^ u64::from(byte)).draw())
            });
            let members: Vec<Vec<u8>> = members
                .iter()
                .map(|(name, value)| {
                    [
                        Value::from(name.as_str()).to_string().as_bytes(),
                        b":",
                        &bytes(value),
                    ]
                    .concat()
                })
                .collect();
            [b"{", members.join(&b","[..]).as_slice(), b"}"].concat()
        }
        scalar => scalar.to_string().into_bytes(),
    }
}

/// Role-based access control over a data document.
pub(crate) fn rbac() -> Workload {
    const ACTIONS: [&str; 5] = ["read", "write", "delete", "list", "approve"];
    let mut seeded = Seeded(42);
    let permission =
        |n: usize| json!({"action": ACTIONS[n / 50], "resource": format!("resource-{}", n % 50)});
    let granted: Vec<Vec<usize>> = (0..100).map(|_| seeded.sample(250, 10)).collect();
    let assigned: Vec<Vec<usize>> = (0..1000).map(|_| seeded.sample(100, 3)).collect();
    let roles: serde_json::Map<String, Value> = granted
        .iter()
        .enumerate()
        .map(|(n, permissions)| {
            let permissions: Vec<Value> = permissions.iter().map(|n| permission(*n)).collect();
            (format!("role-{n}"), json!({ "permissions": permissions }))
        })
        .collect();
    let users: serde_json::Map<String, Value> = assigned
        .iter()
        .enumerate()
        .map(|(n, roles)| {
            let roles: Vec<String> = roles.iter().map(|n| format!("role-{n}")).collect();
            (
                format!("user-{n}"),
                json!({"roles": roles, "email": format!("user-{n}@corp.example")}),
            )
        })
        .collect();
    // The sixteenth of the user's thirty permissions.
    let mut input = permission(granted[assigned[517][1]][5]);
    input["user"] = json!("user-517");
    Workload {
        file: "rbac.rego",
        policy: include_str!("rbac.rego").to_owned(),
        entry_point: "rbac/allow".to_owned(),
        data: bytes(&json!({"roles": roles, "users": users})),
        input: bytes(&input),
    }
}

fn container(name: &str, image: &str, privileged: bool, limits: &Value) -> Value {
    let mut container = json!({
        "name": name, "image": image, "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": [
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        ],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "securityContext": {
            "privileged": privileged, "runAsNonRoot": true, "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{
            "name": "kube-api-access-x", "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }],
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"},
            "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
        },
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    });
    if !limits.is_null() {
        container["resources"]["limits"] = limits.clone();
    }
    container
}

fn pod() -> Value {
    let web = container(
        "web",
        "registry.corp.example/payments/web:1.4.2",
        false,
        &json!({"cpu": "500m", "memory": "256Mi"}),
    );
    let sidecar = container(
        "sidecar",
        "docker.io/envoyproxy/envoy:v1.31",
        true,
        &json!({"cpu": "200m"}),
    );
    let agent = container("agent", "mirror.corp.example/obs/agent:3.2", false, &Value::Null);
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": "web-7d4b9c", "namespace": "payments",
            "labels": {"app": "web", "version": "1.4.2", "pod-template-hash": "7d4b9c"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d4b9c",
                "uid": "d9607e19-f88f-11e6-a518-42010a800195", "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "containers": [web, sidecar, agent],
            "volumes": [{"name": "kube-api-access-x", "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            ]}}],
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "web", "hostNetwork": true, "schedulerName": "default-scheduler", "priority": 0,
            "tolerations": [{
                "key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }],
        },
        "status": {"phase": "Pending", "qosClass": "Burstable"},
    })
}

/// Kubernetes admission of one pod.
pub(crate) fn k8s() -> Workload {
    let review = json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
        "name": "web-7d4b9c", "namespace": "payments", "operation": "CREATE",
        "userInfo": {
            "username": "system:serviceaccount:kube-system:replicaset-controller",
            "uid": "a7e0ab33-5f29-11e8-8a3c-36e6bb280816",
            "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
        },
        "object": pod(),
        "oldObject": null, "dryRun": false, "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }});
    Workload {
        file: "k8s.rego",
        policy: include_str!("k8s.rego").to_owned(),
        entry_point: "kubernetes/admission/deny".to_owned(),
        data: b"{}".to_vec(),
        input: bytes(&review),
    }
}

const TYPES: [&str; 8] = [
    "aws_s3_bucket",
    "aws_security_group",
    "aws_ebs_volume",
    "aws_db_instance",
    "aws_instance",
    "aws_iam_role",
    "aws_subnet",
    "aws_lambda_function",
];

fn attributes(n: usize) -> Value {
    let port = if n.is_multiple_of(3) { 22 } else { 80 };
    let source = if n.is_multiple_of(5) {
        "0.0.0.0/0"
    } else {
        "10.1.0.0/16"
    };
    let rule = |source: &str, port: u32| json!({"cidr_blocks": [source], "from_port": port, "to_port": port, "protocol": "tcp", "description": ""});
    let instance_types = ["t3.medium", "m6i.large", "t3.large", "p4d.24xlarge"];
    let instance_type = instance_types[(n / 8) % if n % 60 == 4 { 4 } else { 3 }];
    match n % 8 {
        0 => json!({
            "bucket": format!("corp-b{n}"), "acl": if n.is_multiple_of(40) { "public-read" } else { "private" },
            "force_destroy": false, "versioning": [{"enabled": true, "mfa_delete": false}],
        }),
        1 => json!({
            "name": format!("sg{n}"), "vpc_id": "vpc-0a1b2c", "ingress": [rule("10.0.0.0/8", 443), rule(source, port)],
            "egress": [{"cidr_blocks": ["0.0.0.0/0"], "from_port": 0, "to_port": 0, "protocol": "-1", "description": ""}],
        }),
        2 => json!({
            "size": 100, "type": "gp3", "encrypted": !n.is_multiple_of(50) && !n.is_multiple_of(26),
            "availability_zone": "eu-west-1a", "iops": 3000,
        }),
        3 => json!({
            "engine": "postgres", "engine_version": "16.3", "instance_class": "db.m6g.large",
            "publicly_accessible": n.is_multiple_of(35), "storage_encrypted": true, "allocated_storage": 200, "multi_az": true,
        }),
        4 => json!({
            "ami": "ami-0abc123",
            "instance_type": instance_type,
            "ebs_optimized": true, "monitoring": true, "root_block_device": [{"encrypted": true, "volume_size": 50}],
        }),
        5 => json!({
            "name": format!("role{n}"), "path": "/", "max_session_duration": 3600,
            "assume_role_policy": json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
            }]}).to_string(),
        }),
        6 => json!({
            "cidr_block": format!("10.{}.0.0/24", n % 250), "vpc_id": "vpc-0a1b2c", "map_public_ip_on_launch": false,
        }),
        _ => json!({
            "function_name": format!("fn{n}"), "runtime": "provided.al2023", "handler": "bootstrap",
            "memory_size": 512, "timeout": 30,
        }),
    }
}

fn resource_change(n: usize) -> Value {
    let kind = TYPES[n % 8];
    let name = kind.trim_start_matches("aws_");
    let mut tags = json!({
        "owner": format!("team-{}", n % 9), "cost-center": format!("cc-{}", n % 13), "env": "prod", "Name": format!("r{n}"),
    });
    if n.is_multiple_of(29)
        && let Some(tags) = tags.as_object_mut()
    {
        tags.remove("cost-center");
    }
    let mut after = attributes(n);
    after["tags"] = tags.clone();
    after["tags_all"] = tags;
    after["region"] = json!("eu-west-1");
    let actions = [
        json!(["create"]),
        json!(["update"]),
        json!(["create"]),
        json!(["no-op"]),
        json!(["delete", "create"]),
    ];
    let actions = actions[n % 5].clone();
    let before = if actions == json!(["create"]) {
        Value::Null
    } else {
        after.clone()
    };
    let module = format!("module.app[{}]", n / 20);
    json!({
        "address": format!("{module}.{kind}.{name}_{n}"), "module_address": module, "mode": "managed", "type": kind,
        "name": format!("{name}_{n}"), "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": actions, "before": before, "after": after, "after_unknown": {"id": true, "arn": true},
            "before_sensitive": false, "after_sensitive": {"tags": {}},
        },
    })
}

/// A Terraform plan of 200 resource changes.
pub(crate) fn tfplan() -> Workload {
    let changes: Vec<Value> = (0..200).map(resource_change).collect();
    Workload {
        file: "tfplan.rego",
        policy: include_str!("tfplan.rego").to_owned(),
        entry_point: "terraform/deny".to_owned(),
        data: b"{}".to_vec(),
        input: bytes(&json!({
            "format_version": "1.2", "terraform_version": "1.9.5", "variables": {"env": {"value": "prod"}},
            "resource_changes": changes,
        })),
    }
}

/// `count` rules, of which the question matches one.
pub(crate) fn indexed(count: usize) -> Workload {
    let mut policy = String::from("package indexed\n\ndefault allow := false\n\n");
    for n in 0..count {
        policy.push_str(&format!(
            "allow if {{\n\tinput.method == \"GET\"\n\tinput.path == \"/service/{n}\"\n\tinput.role == \"role-{}\"\n}}\n\n",
            n % 7
        ));
    }
    let n = count / 2;
    Workload {
        file: "indexed.rego",
        policy,
        entry_point: "indexed/allow".to_owned(),
        data: b"{}".to_vec(),
        input: bytes(
            &json!({"method": "GET", "path": format!("/service/{n}"), "role": format!("role-{}", n % 7)}),
        ),
    }
}
