# METADATA
# title: GitLab pipelines
# description: The jobs of a pipeline, and what holds for all of them.
package lib.gitlab

holders[name] := job if {
	some name, job in input
	is_object(job)
	not name in {"cache", "image", "include", "spec", "stages", "variables", "workflow"}
}

holders["pipeline"] := input

# One value or a list of them.
listed(value) := value if is_array(value)

listed(value) := [value] if not is_array(value)

finding(id, job, message) := {"id": id, "msg": sprintf("%s: %s", [job, message]), "resource": job}
