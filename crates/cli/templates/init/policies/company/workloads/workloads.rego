# METADATA
# title: Workloads
# description: What a workload must say of itself before it may run.
# custom:
#   id: company/workloads
#   inputs: [kubernetes]
#   owner: platform
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-8
#   remediation: Complete the manifest.
package company.workloads

kinds := {"CronJob", "DaemonSet", "Deployment", "Job", "Pod", "StatefulSet"}

# METADATA
# title: No owner
# custom:
#   id: company/workloads/owner
#   controls:
#   - nist-800-53r5:CM-8
#   remediation: Name the team that answers for it in metadata.labels.owner.
deny contains finding if {
	input.kind in kinds
	not input.metadata.labels.owner
	finding := {
		"id": "company/workloads/owner",
		"msg": sprintf("%s %s names no owner", [input.kind, input.metadata.name]),
		"path": ["metadata", "labels"],
	}
}

# METADATA
# title: Mounted token
# custom:
#   id: company/workloads/token
#   severity: low
#   controls:
#   - nist-800-53r5:AC-6
#   remediation: Set automountServiceAccountToken to false where nothing talks to the API server.
#   fix: {value: false}
warn contains finding if {
	input.kind == "Pod"
	input.spec.automountServiceAccountToken == true
	finding := {
		"id": "company/workloads/token",
		"msg": sprintf("Pod %s mounts a token for the API server", [input.metadata.name]),
	}
}
