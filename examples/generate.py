#!/usr/bin/env python3
"""Writes the example requests from the raw documents beside them, and `library/` from the tests of the policies. Needs kubectl 1.30 or
later, and for `library/` PyYAML and `stele` (STELE, else target/release/stele); runs offline. `generate.py library` writes that part only.

Kubernetes objects pass through kubectl (create --dry-run=client, or patch --local where create would ask a cluster),
then are wrapped in the AdmissionReview an API server sends. The Terraform plan has the frame of a real one; see
README.md for how it was made.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import yaml

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


# What files of a kind are called, so that `stele check` tells them, and whether they are JSON.
NAMES = {
    "arm": ("{}.json", True),
    "cloudformation": ("{}.yaml", False),
    "compose": ("compose.{}.yaml", False),
    "cyclonedx": ("{}.json", True),
    "dockerfile": ("Dockerfile.{}", False),
    "github-actions": ("{}.yaml", False),
    "gitlab-ci": ("{}.gitlab-ci.yml", False),
    "kubernetes": ("{}.yaml", False),
    "openapi": ("{}.yaml", False),
    "terraform-plan": ("{}.json", True),
}


def dockerfile(instructions):
    words = lambda line: [line["Cmd"].upper(), *line["Flags"], *line["Value"]]
    return "".join(" ".join(words(line)) + "\n" for line in instructions)


def rendered(kind, document):
    """The text of a file of a kind; `kind` is None for requests."""
    if kind == "dockerfile":
        return dockerfile(document)
    if kind is None or NAMES[kind][1]:
        return json.dumps(document, indent=2) + "\n"
    documents = document if isinstance(document, list) else [document]
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=120)


def documents(test):
    """The names of the documents that a policy's test calls good and bad."""
    return re.findall(r"^((?:good|bad)\w*) := ", test.read_text(), re.M)


def library():
    """The documents that the tests of each policy call good and bad, as files: `library/POLICY/{good,bad}*`. Those of policies whose tests name
    none were written by hand, and stay."""
    policies = HERE.parent / "policies"
    stele = os.environ.get("STELE", HERE.parent / "target/release/stele")
    tests = sorted(policies.rglob("*_test.rego"))
    by_hand = {test.parent.relative_to(policies) for test in tests if not documents(test)}
    for folder in {file.parent for file in (HERE / "library").rglob("*") if file.is_file()}:
        if folder.relative_to(HERE / "library") not in by_hand:
            shutil.rmtree(folder)
    for test in tests:
        package = re.search(r"^package (\S+)_test$", test.read_text(), re.M).group(1)
        text = test.with_name(test.name.replace("_test", "")).read_text()
        inputs = re.search(r"^#   inputs: \[(.*)\]$", text, re.M)
        if not inputs:
            continue
        kind = inputs.group(1).split(",")[0] or None
        for name in documents(test):
            query = f"data.{package}_test.{name}"
            answer = subprocess.run([stele, "eval", "-d", policies, "-f", "raw", query], check=True, capture_output=True)
            pattern = NAMES[kind][0] if kind else "{}.json"
            path = HERE / "library" / package.replace(".", "/") / pattern.format(name.replace("_", "-"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rendered(kind, json.loads(answer.stdout)))


if __name__ == "__main__":
    if sys.argv[1:] != ["library"]:
        kubernetes()
        terraform()
    library()
