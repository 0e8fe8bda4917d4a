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
# description: >-
#   An input without packages, without one that was checked, or without a list of vulnerabilities, proves nothing and is not accepted.
allow if {
	input.schema == "stele.vulnerabilities.v1"
	is_number(input.packages)
	input.packages > count(object.get(input, "unchecked", []))
	is_array(input.vulnerabilities)
	count(deny) == 0
}

# Who writes no identifier or package URL still gets the finding.
described(id, number, message) := {
	"id": id,
	"msg": sprintf("%v: %s", [object.get(vulnerability, "id", "a vulnerability without identifier"), message]),
	"resource": object.get(vulnerability, ["package", "purl"], "a package without URL"),
	"path": ["vulnerabilities", number],
} if {
	vulnerability := input.vulnerabilities[number]
}

# What has no severity, or one that nobody knows, is as bad as what nobody has rated.
severity(vulnerability) := vulnerability.severity if known(vulnerability)

severity(vulnerability) := "unknown" if not known(vulnerability)

known(vulnerability) if vulnerability.severity in {"none", "low", "medium", "high", "critical"}

# METADATA
# title: More vulnerabilities than the budget has
# description: >-
#   There are more vulnerabilities of a severity than data.config.vulnerabilities.budget allows. Severities that it does
#   not name are not counted; those that do not exist count as unknown.
# custom:
#   id: supply_chain/vulnerabilities/budget
#   severity: high
#   remediation: Update the packages whose vulnerabilities have a fix, the most severe first.
deny contains finding if {
	some level, most in data.config.vulnerabilities.budget
	such := [number | some number, vulnerability in input.vulnerabilities; severity(vulnerability) == level]
	count(such) > most
	finding := {
		"id": "supply_chain/vulnerabilities/budget",
		"msg": sprintf("there are %d vulnerabilities of severity %s, and the budget is %d", [count(such), level, most]),
		"resource": level,
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
#   data.config.vulnerabilities.fix_days allows for its severity, or for nobody knows how many.
# custom:
#   id: supply_chain/vulnerabilities/fix-overdue
#   severity: high
#   remediation: Update the package to the version that the message names.
deny contains finding if {
	some number, vulnerability in input.vulnerabilities
	most := data.config.vulnerabilities.fix_days[severity(vulnerability)]
	age := object.get(vulnerability, "age_days", "unknown")
	exceeds(age, most)
	message := sprintf("%v mends it, and it has been known for %v days", [vulnerability.fixed, age])
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
		"msg": sprintf("%v packages of %v were not checked: there are no data for them", [number, ecosystem]),
		"resource": ecosystem,
		"path": ["missing", ecosystem],
	}
}

# METADATA
# title: Scan that left something out
# description: A lock file, a bill of materials or a statement of OpenVEX could not be read, or only in part.
# custom:
#   id: supply_chain/vulnerabilities/incomplete
#   severity: high
#   controls:
#   - nist-800-53r5:RA-5
#   - nist-800-53r5:CM-8
#   - iso-27001-2022:A.8.8
#   remediation: Mend the file that the message names, and scan again.
deny contains finding if {
	some number, failure in input.failures
	file := object.get(failure, "file", "a file without name")
	finding := {
		"id": "supply_chain/vulnerabilities/incomplete",
		"msg": sprintf("%v could not be read as a whole: %v", [file, object.get(failure, "message", "nobody says why")]),
		"resource": file,
		"path": ["failures", number],
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
	exceeds(object.get(input, ["data", "age_days"], null), data.config.vulnerabilities.data_days)
	finding := {
		"id": "supply_chain/vulnerabilities/stale-data",
		"msg": sprintf("the data are more than %d days old", [data.config.vulnerabilities.data_days]),
		"path": ["data", "age_days"],
	}
}

# An age that is no number may be any.
exceeds(age, _) if not is_number(age)

exceeds(age, most) if age > most

# METADATA
# title: Package that can't be checked
# description: The package has no version, or is of nobody whom the data are about, so that its vulnerabilities are not known.
# custom:
#   id: supply_chain/vulnerabilities/unchecked
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:RA-5
#   - nist-800-53r5:CM-8
#   remediation: Pin the package's version, or watch its publisher's advisories.
warn contains finding if {
	some number, entry in input.unchecked
	finding := {
		"id": "supply_chain/vulnerabilities/unchecked",
		"msg": sprintf("it was not checked: %v", [object.get(entry, "reason", "nobody says why")]),
		"resource": object.get(entry, "purl", "a package without URL"),
		"path": ["unchecked", number],
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
