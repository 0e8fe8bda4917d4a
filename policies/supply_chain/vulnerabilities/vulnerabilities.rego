# METADATA
# title: Known vulnerabilities
# description: >-
#   How many vulnerabilities a release may have, how long mended ones may wait, and how old the data may be that say so.
#   The input is what `stele vuln scan --write-input` writes; what OpenVEX takes back does not count.
# related_resources:
# - https://www.cisa.gov/known-exploited-vulnerabilities-catalog
# custom:
#   id: supply_chain/vulnerabilities
#   layer: L7
#   inputs: [vulnerabilities]
#   owner: supply-chain
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:RA-5
#   - nist-800-53r5:SI-2
#   - iso-27001-2022:A.8.8
#   - pci-dss-4.0:6.3.3
#   - soc2:CC7.1
#   remediation: Update the packages, or say in OpenVEX why their vulnerabilities do no harm here.
package supply_chain.vulnerabilities

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without packages, or without a list of vulnerabilities, proves nothing and is not accepted.
allow if {
	input.schema == "stele.vulnerabilities.v1"
	input.packages > 0
	is_array(input.vulnerabilities)
	count(deny) == 0
}

described(id, number, message) := {
	"id": id,
	"msg": sprintf("%s: %s", [input.vulnerabilities[number].id, message]),
	"resource": input.vulnerabilities[number].package.purl,
	"path": ["vulnerabilities", number],
}

# METADATA
# title: More vulnerabilities than the budget has
# description: >-
#   There are more vulnerabilities of a severity than data.config.vulnerabilities.budget allows. Severities that it does
#   not name are not counted.
# custom:
#   id: supply_chain/vulnerabilities/budget
#   severity: high
#   remediation: Update the packages whose vulnerabilities have a fix, the most severe first.
deny contains finding if {
	some severity, most in data.config.vulnerabilities.budget
	such := [number | some number, vulnerability in input.vulnerabilities; vulnerability.severity == severity]
	count(such) > most
	finding := {
		"id": "supply_chain/vulnerabilities/budget",
		"msg": sprintf("there are %d vulnerabilities of severity %s, and the budget is %d", [count(such), severity, most]),
		"resource": severity,
		"path": ["vulnerabilities"],
	}
}

# METADATA
# title: Exploited vulnerability
# description: The vulnerability is in CISA's catalogue of those that are known to be exploited.
# custom:
#   id: supply_chain/vulnerabilities/exploited
#   severity: critical
#   controls:
#   - nist-800-53r5:RA-5
#   - nist-800-53r5:SI-5
#   - iso-27001-2022:A.5.7
#   - pci-dss-4.0:6.3.3
#   remediation: Update or remove the package now, and look for signs of a break-in.
deny contains finding if {
	some number, vulnerability in input.vulnerabilities
	vulnerability.exploited
	finding := described("supply_chain/vulnerabilities/exploited", number, "it is known to be exploited")
}

# METADATA
# title: Malicious package
# description: The package itself was made to do harm, or was taken over.
# custom:
#   id: supply_chain/vulnerabilities/malicious
#   severity: critical
#   controls:
#   - nist-800-53r5:SR-11
#   - nist-800-53r5:SI-3
#   - iso-27001-2022:A.8.7
#   remediation: Remove the package, and replace every credential that it could read.
deny contains finding if {
	some number, vulnerability in input.vulnerabilities
	vulnerability.malicious
	finding := described("supply_chain/vulnerabilities/malicious", number, "the package is malicious")
}

# METADATA
# title: Fix that waits too long
# description: >-
#   There is a version that mends the vulnerability, which has been known for more days than
#   data.config.vulnerabilities.fix_days allows for its severity.
# custom:
#   id: supply_chain/vulnerabilities/fix-overdue
#   severity: high
#   remediation: Update the package to the version that the message names.
deny contains finding if {
	some number, vulnerability in input.vulnerabilities
	most := data.config.vulnerabilities.fix_days[vulnerability.severity]
	vulnerability.age_days > most
	message := sprintf("%s mends it, and it has been known for %d days", [vulnerability.fixed, vulnerability.age_days])
	finding := described("supply_chain/vulnerabilities/fix-overdue", number, message)
}

# METADATA
# title: Packages that were not checked
# description: No data were imported for the ecosystem of some packages, so that nothing is known of them.
# custom:
#   id: supply_chain/vulnerabilities/no-data
#   severity: high
#   controls:
#   - nist-800-53r5:RA-5
#   - iso-27001-2022:A.8.8
#   remediation: Import OSV's archive of that ecosystem with `stele vuln import`.
deny contains finding if {
	some ecosystem, number in input.missing
	finding := {
		"id": "supply_chain/vulnerabilities/no-data",
		"msg": sprintf("%d packages of %s were not checked: there are no data for them", [number, ecosystem]),
		"resource": ecosystem,
		"path": ["missing", ecosystem],
	}
}

# METADATA
# title: Data that are too old
# description: The data are more than data.config.vulnerabilities.data_days days old, or do not say how old they are.
# custom:
#   id: supply_chain/vulnerabilities/stale-data
#   severity: medium
#   controls:
#   - nist-800-53r5:RA-5(2)
#   - iso-27001-2022:A.8.8
#   remediation: Import newer data with `stele vuln import`, and scan again.
deny contains finding if {
	age := object.get(input, ["data", "age_days"], 1000000)
	age > data.config.vulnerabilities.data_days
	finding := {
		"id": "supply_chain/vulnerabilities/stale-data",
		"msg": sprintf("the data are more than %d days old", [data.config.vulnerabilities.data_days]),
		"path": ["data", "age_days"],
	}
}

# METADATA
# title: Vulnerability that may be none
# description: The installed version can't be compared with those that are affected, so that nobody knows.
# custom:
#   id: supply_chain/vulnerabilities/undecided
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:RA-5
#   - nist-800-53r5:CM-8
#   remediation: Pin a released version, or say in OpenVEX what holds.
warn contains finding if {
	some number, vulnerability in input.vulnerabilities
	reason := object.get(vulnerability, "undecided", "")
	reason != ""
	finding := described("supply_chain/vulnerabilities/undecided", number, reason)
}
