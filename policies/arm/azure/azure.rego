# METADATA
# title: ARM and Bicep templates
# description: >-
#   What a template of Azure (Bicep compiles to the same) would open to the internet, leave without TLS, or make
#   impossible to recover.
# related_resources:
# - https://learn.microsoft.com/azure/templates/
# custom:
#   id: arm/azure
#   layer: L2
#   inputs: [arm]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-7
#   - iso-27001-2022:A.5.23
#   - soc2:CC6.6
#   remediation: Change the resource in the template.
package arm.azure

import data.lib.arm
import data.lib.networks

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without resources is no template and is not accepted.
allow if {
	input.resources
	count(deny) == 0
}

rules contains {"resource": group, "rule": rule.properties} if {
	some group in arm.of_type("Microsoft.Network/networkSecurityGroups")
	some rule in group.properties.securityRules
}

rules contains {"resource": rule, "rule": rule.properties} if {
	some rule in arm.of_type("Microsoft.Network/networkSecurityGroups/securityRules")
}

# METADATA
# title: Administration port open to the world
# description: A network security group admits every address to SSH or RDP.
# custom:
#   id: arm/azure/open-admin-port
#   layer: L1
#   severity: critical
#   controls:
#   - cis-azure-3.0:7.1
#   - cis-azure-3.0:7.2
#   - nist-800-53r5:SC-7(5)
#   - pci-dss-4.0:1.3.1
#   - iso-27001-2022:A.8.22
#   remediation: Use Azure Bastion, or limit the rule to the addresses of the VPN.
deny contains finding if {
	some entry in rules
	lower(entry.rule.access) == "allow"
	lower(entry.rule.direction) == "inbound"
	some source in arm.values(entry.rule, "sourceAddressPrefix", "sourceAddressPrefixes")
	everyone(source)
	some range in arm.values(entry.rule, "destinationPortRange", "destinationPortRanges")
	some port in [22, 3389]
	covers(range, port)
	finding := arm.finding("arm/azure/open-admin-port", entry.resource, sprintf("port %d is open to the world", [port]))
}

everyone(source) if lower(source) in {"*", "0.0.0.0", "any", "internet"}

everyone(source) if networks.everyone(source)

covers(range, _) if range == "*"

covers(range, port) if {
	ends := split(sprintf("%v", [range]), "-")
	to_number(ends[0]) <= port
	to_number(ends[count(ends) - 1]) >= port
}

# METADATA
# title: Storage that is public, or without TLS
# description: A storage account answers without TLS or with old versions of it, or lets its containers be public.
# custom:
#   id: arm/azure/storage
#   layer: L6
#   severity: high
#   controls:
#   - cis-azure-3.0:4.1
#   - cis-azure-3.0:4.15
#   - cis-azure-3.0:4.17
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:AC-3
#   - gdpr:32
#   remediation: Set supportsHttpsTrafficOnly to true, minimumTlsVersion to TLS1_2, and allowBlobPublicAccess to false.
deny contains finding if {
	some account in arm.of_type("Microsoft.Storage/storageAccounts")
	some field, refused in {
		"allowBlobPublicAccess": {true},
		"minimumTlsVersion": {"TLS1_0", "TLS1_1"},
		"supportsHttpsTrafficOnly": {false},
	}
	value := account.properties[field]
	value in refused
	finding := arm.finding("arm/azure/storage", account, sprintf("%s must not be %v", [field, value]))
}

# METADATA
# title: Public container
# description: Everyone reads the blobs of a container.
# custom:
#   id: arm/azure/public-container
#   layer: L6
#   severity: critical
#   controls:
#   - cis-azure-3.0:4.17
#   - nist-800-53r5:AC-3
#   - gdpr:32
#   - pci-dss-4.0:1.4.4
#   remediation: Set publicAccess to None.
deny contains finding if {
	some container in arm.of_type("Microsoft.Storage/storageAccounts/blobServices/containers")
	access := container.properties.publicAccess
	access in {"Blob", "Container"}
	finding := arm.finding("arm/azure/public-container", container, sprintf("publicAccess must not be %s", [access]))
}

# METADATA
# title: Vault that can be purged
# description: Keys and secrets of a vault can be destroyed at once; everything encrypted with them is lost.
# custom:
#   id: arm/azure/vault-purge
#   layer: L6
#   severity: high
#   controls:
#   - cis-azure-3.0:3.3.5
#   - nist-800-53r5:CP-9
#   - nist-800-53r5:SC-12(1)
#   remediation: Set enablePurgeProtection to true.
deny contains finding if {
	some vault in arm.of_type("Microsoft.KeyVault/vaults")
	object.get(arm.properties(vault), "enablePurgeProtection", null) in {false, null}
	finding := arm.finding("arm/azure/vault-purge", vault, "enablePurgeProtection must be true")
}

# METADATA
# title: App over plain HTTP
# description: A web or function app answers without TLS, which is its default.
# custom:
#   id: arm/azure/app-https
#   layer: L5
#   severity: high
#   controls:
#   - cis-azure-3.0:9.1
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Set httpsOnly to true.
#   fix: {at: [properties, httpsOnly], value: true}
deny contains finding if {
	some type in ["Microsoft.Web/sites", "Microsoft.Web/sites/slots"]
	some app in arm.of_type(type)
	object.get(arm.properties(app), "httpsOnly", null) in {false, null}
	finding := arm.finding("arm/azure/app-https", app, "httpsOnly must be true")
}

# METADATA
# title: Database firewall open to the world
# description: A firewall rule of a database server admits every address, or a quarter of them and more.
# custom:
#   id: arm/azure/open-database
#   layer: L1
#   severity: critical
#   controls:
#   - cis-azure-3.0:5.1.2
#   - nist-800-53r5:SC-7(5)
#   - pci-dss-4.0:1.4.4
#   remediation: Admit the addresses that need the database, or use a private endpoint.
deny contains finding if {
	some firewall in arm.resources
	endswith(lower(firewall.type), "/firewallrules")
	first := firewall.properties.startIpAddress
	last := firewall.properties.endIpAddress
	to_number(split(last, ".")[0]) - to_number(split(first, ".")[0]) >= 63
	finding := arm.finding("arm/azure/open-database", firewall, "the firewall admits most addresses")
}

# METADATA
# title: Secret in the template
# description: A secure parameter has a default, which everyone who may read the deployment reads.
# custom:
#   id: arm/azure/plain-secret
#   layer: L6
#   severity: critical
#   controls:
#   - nist-800-53r5:IA-5(7)
#   - iso-27001-2022:A.5.17
#   - pci-dss-4.0:8.6.2
#   - cis-azure-3.0:9.11
#   remediation: Remove the default, and refer to a Key Vault.
deny contains finding if {
	some template in arm.templates
	some name, parameter in template.parameters
	lower(parameter.type) == "securestring"
	value := parameter.defaultValue
	value != ""
	not startswith(value, "[")
	finding := {
		"id": "arm/azure/plain-secret",
		"msg": sprintf("parameter %s must have no default", [name]),
		"resource": sprintf("parameters/%s", [name]),
	}
}
