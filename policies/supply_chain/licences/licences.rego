# METADATA
# title: Licences in bills of materials
# description: >-
#   The licences that a CycloneDX or SPDX bill of materials says its components have.
# related_resources:
# - https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
# custom:
#   id: supply_chain/licences
#   layer: L7
#   inputs: [cyclonedx, spdx]
#   owner: supply-chain
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-10
#   - nist-800-53r5:SA-4
#   - iso-27001-2022:A.5.32
#   - soc2:CC9.2
#   remediation: Replace the component, or get another licence.
package supply_chain.licences

import data.lib.sbom as bom

default allow := false

# METADATA
# title: Accept what nothing denies
# description: >-
#   A bill of materials without components proves nothing and is not accepted. What an SPDX document describes is no
#   component of it.
allow if {
	some component in components
	not component.subject
	count(deny) == 0
}

# Components of CycloneDX and packages of SPDX in one shape. Each licence is an expression.
components contains shape if {
	some path, component in bom.components
	shape := {
		"path": path,
		"name": bom.name(component),
		"subject": false,
		"library": bom.library(component),
		"licences": {text |
			some choice in component.licenses
			some text in [
				object.get(choice, "expression", ""),
				object.get(choice, ["license", "id"], ""), named(object.get(choice, ["license", "name"], "")),
			]
			text != ""
		},
	}
}

components contains shape if {
	some number, item in input.packages
	subject := bom.is_subject(item)
	shape := {
		"path": ["packages", number],
		"name": bom.name(item),
		"subject": subject,
		"library": bom.other_than(subject),
		"licences": {text |
			some field in ["licenseConcluded", "licenseDeclared"]
			text := object.get(item, field, "")
			not text in {"", "NOASSERTION", "NONE"}
		},
	}
}

# A free name is told apart from an identifier of the SPDX list: it is known only if somebody banned it.
named(name) := name if banned_licence(name)

named(name) := concat("", ["LicenseRef-", replace(name, " ", "-")]) if {
	name != ""
	not banned_licence(name)
}

named("") := ""

# The licences of an expression, without its operators and exceptions.
words(text) := {word |
	some word in tokens(text)
	not word in {"(", ")", "AND", "OR"}
}

tokens(text) := [token |
	plain := regex.replace(text, `(?i)\s+with\s+[^\s()]+`, "")
	some word in regex.split(`\s+`, replace(replace(plain, "(", " ( "), ")", " ) "))
	word != ""
	token := operator(word)
]

operator(word) := upper(word) if upper(word) in {"AND", "OR"}

operator(word) := word if not upper(word) in {"AND", "OR"}

banned_licence(word) if {
	some banned in data.config.sbom.banned_licences
	lower(trim_suffix(word, "+")) == lower(banned)
}

# Whether a choice of the expression needs no banned licence: 1 stands for a licence that is allowed, 0 for one that is
# not. Each step takes the innermost parentheses away. What is left over after eight was no expression, and is refused.
may_choose(text) if {
	values := concat(" ", [value | some token in tokens(text); value := truth(token)])
	reduce(reduce(reduce(reduce(reduce(reduce(reduce(reduce(sprintf("( %s )", [values]))))))))) == "1"
}

truth(token) := token if token in {"(", ")", "AND", "OR"}

truth(token) := "0" if banned_licence(token)

truth(token) := "1" if {
	not token in {"(", ")", "AND", "OR"}
	not banned_licence(token)
}

reduce(text) := regex.replace(regex.replace(conjunctions, `\( ([01] OR )*1( OR [01])* \)`, "1"), `\( 0( OR 0)* \)`, "0") if {
	refused := regex.replace(text, `([01] AND )*0( AND [01])*`, "0")
	conjunctions := regex.replace(refused, `1( AND 1)+`, "1")
}

# METADATA
# title: Licence that is not wanted
# description: >-
#   A component has a licence of data.config.sbom.banned_licences, and its expression leaves no choice without one.
# custom:
#   id: supply_chain/licences/banned-licence
#   severity: high
#   controls:
#   - nist-800-53r5:CM-10
#   - nist-800-53r5:SA-4
#   - iso-27001-2022:A.5.32
#   - cis-github-1.0:3.2.3
#   remediation: Replace the component, or get another licence.
deny contains finding if {
	some component in components
	some expression in component.licences
	not may_choose(expression)
	some licence in words(expression)
	banned_licence(licence)
	finding := bom.finding("supply_chain/licences/banned-licence", component, sprintf("the licence %s is not allowed", [licence]))
}

# METADATA
# title: Licence not known
# description: >-
#   A component says nothing of its licence, or names only one that the SPDX list does not have (LicenseRef-, a free
#   name), of which nobody can tell what it demands.
# custom:
#   id: supply_chain/licences/no-licence
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:CM-10
#   - iso-27001-2022:A.5.32
#   remediation: Find the licence and write it into the bill.
warn contains finding if {
	some component in components
	component.library
	known := {word |
		some expression in component.licences
		some word in words(expression)
		not regex.match(`(^|:)LicenseRef-`, word)
	}
	count(known) == 0
	finding := bom.finding("supply_chain/licences/no-licence", component, "the licence is not known")
}
