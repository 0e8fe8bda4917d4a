#!/usr/bin/env python3
"""Writes the example requests from the raw documents beside them. Needs kubectl 1.30 or later; runs offline.

Kubernetes objects pass through kubectl (create --dry-run=client, or patch --local where create would ask a cluster),
then are wrapped in the AdmissionReview an API server sends. The Terraform plan has the frame of a real one; see
README.md for how it was made.
"""

import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent
RAW = HERE / "raw"


def kubectl(*args):
    return json.loads(subprocess.run(["kubectl", *args, "-o", "json"], check=True, capture_output=True).stdout)


def write(path, document):
    path.write_text(json.dumps(document, indent=2) + "\n")


def review(obj):
    group, _, version = obj["apiVersion"].rpartition("/")
    kind = {"group": group, "version": version, "kind": obj["kind"]}
    resource = {"group": group, "version": version, "resource": obj["kind"].lower() + "s"}
    return {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": kind,
            "resource": resource,
            "name": obj["metadata"]["name"],
            "namespace": obj["metadata"].get("namespace", "default"),
            "operation": "CREATE",
            "userInfo": {"username": "dev@corp.example", "groups": ["developers", "system:authenticated"]},
            "object": obj,
            "oldObject": None,
            "dryRun": False,
        },
    }


def kubernetes():
    objects = {
        "pod-privileged": kubectl("patch", "--local", "-f", RAW / "kubernetes/pod-privileged.yaml", "--type=merge", "-p", "{}"),
        "pod-hardened": kubectl("patch", "--local", "-f", RAW / "kubernetes/pod-hardened.yaml", "--type=merge", "-p", "{}"),
        "deployment": kubectl("create", "deployment", "web", "--image=nginx:1.27", "--replicas=2", "--dry-run=client"),
        "cronjob": kubectl("create", "cronjob", "report", "--image=alpine:3.20", "--schedule=0 4 * * *", "--dry-run=client"),
    }
    for name, obj in objects.items():
        write(RAW / f"kubernetes/{name}.json", obj)
        write(HERE / f"kubernetes/{name}.json", {"input": review(obj)})
    namespace = kubectl("create", "namespace", "shop", "--dry-run=client")
    service = kubectl("create", "service", "loadbalancer", "web", "--tcp=443:8443", "--dry-run=client")
    service["metadata"]["namespace"] = "shop"
    cluster = {"apiVersion": "v1", "kind": "List", "items": [namespace, service]}
    write(RAW / "kubernetes/cluster.json", cluster)
    write(HERE / "kubernetes/cluster.json", {"input": cluster})


def terraform():
    plan = json.loads((RAW / "terraform/plan.json").read_text())
    write(HERE / "terraform/plan.json", {"input": plan})


if __name__ == "__main__":
    kubernetes()
    terraform()
