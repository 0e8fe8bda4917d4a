# METADATA
# title: GitHub workflows
# description: The jobs, steps and triggers of a workflow, however they are written.
package lib.github

jobs[id] := job if {
	some id, job in input.jobs
	is_object(job)
}

steps contains {"job": id, "number": number, "step": step} if {
	some id, job in jobs
	some number, step in job.steps
}

# GitHub compares names without regard to case.
is_action(step, name) if startswith(lower(step.uses), concat("", [name, "@"]))

# Where the text of a script stands.
scripts contains {"job": entry.job, "holder": entry.step, "key": "run"} if some entry in steps

scripts contains {"job": entry.job, "holder": entry.step["with"], "key": "script"} if {
	some entry in steps
	is_action(entry.step, "actions/github-script")
}

# One name, a list of them, or an object. Readers of YAML 1.1 take the key for true.
events := input.on

events := input["true"] if not input.on

triggers contains events if is_string(events)

triggers contains event if {
	is_array(events)
	some event in events
}

triggers contains event if {
	is_object(events)
	some event, _ in events
}

# Lower case, and fields after dots.
spelled(text) := regex.replace(fields, `\s*\.\s*`, ".") if {
	fields := regex.replace(regex.replace(lower(text), `\s*\[\s*'`, "."), `'\s*\]`, "")
}

finding(id, job, message) := {"id": id, "msg": sprintf("job %s: %s", [job, message]), "resource": sprintf("jobs.%s", [job])}
