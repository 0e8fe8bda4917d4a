# METADATA
# title: Bills of materials
# description: The components of CycloneDX and the packages of SPDX, and what a document of SPDX is about.
package lib.sbom

# Components of CycloneDX by their paths, also those inside others.
components[place] := component if {
	walk(object.get(input, "components", []), [path, component])
	is_component(path)
	place := array.concat(["components"], path)
}

# Of walk's paths those of components: numbers, with "components" between them.
is_component(path) if {
	count(path) % 2 == 1
	every place, step in path {
		is_step(place % 2, step)
	}
}

is_step(0, step) if is_number(step)

is_step(1, step) if step == "components"

# Whether it is software, and not a file, a device or data.
library(component) := object.get(component, "type", "library") in {"application", "framework", "library", "operating-system"}

other_than(subject) := subject == false

described_ids contains id if some id in input.documentDescribes

described_ids contains relationship.relatedSpdxElement if {
	some relationship in input.relationships
	relationship.relationshipType == "DESCRIBES"
}

described_ids contains relationship.spdxElementId if {
	some relationship in input.relationships
	relationship.relationshipType == "DESCRIBED_BY"
}

described_packages contains item.SPDXID if {
	some item in input.packages
	item.SPDXID in described_ids
}

# What the document is about. Some tools say that it describes every package: those of a stated other purpose count then.
default is_subject(_) := false

is_subject(item) if described_packages == {item.SPDXID}

is_subject(item) if {
	item.SPDXID in described_packages
	not object.get(item, "primaryPackagePurpose", "LIBRARY") == "LIBRARY"
}

name(component) := object.get(component, "name", "unnamed")

finding(id, component, message) := {
	"id": id,
	"msg": sprintf("%s: %s", [component.name, message]),
	"resource": component.name,
	"path": component.path,
}
