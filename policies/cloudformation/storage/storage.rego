# METADATA
# title: CloudFormation data protection
# description: >-
#   Data in a CloudFormation template that is not encrypted, not backed up, or deleted with its stack; and trails that
#   don't show who changed it.
# custom:
#   id: cloudformation/storage
#   layer: L6
#   inputs: [cloudformation]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-28
#   - iso-27001-2022:A.8.24
#   - soc2:CC6.1
#   remediation: Change the resource in the template.
package cloudformation.storage

import data.lib.cloudformation as cfn

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without resources is no template and is not accepted.
allow if {
	is_object(input.Resources)
	count(deny) == 0
}

# METADATA
# title: Unencrypted store
# description: >-
#   A volume, file system, database, cache or warehouse keeps its data unencrypted, which is its default.
# custom:
#   id: cloudformation/storage/unencrypted
#   severity: high
#   controls:
#   - cis-aws-3.0:2.2.1
#   - cis-aws-3.0:2.3.1
#   - cis-aws-3.0:2.4.1
#   - nist-800-53r5:SC-28
#   - hipaa:164.312(a)(2)(iv)
#   - gdpr:32
#   remediation: Switch encryption at rest on.
deny contains finding if {
	some type, field in {
		"AWS::DocDB::DBCluster": "StorageEncrypted",
		"AWS::EC2::Volume": "Encrypted",
		"AWS::EFS::FileSystem": "Encrypted",
		"AWS::ElastiCache::ReplicationGroup": "AtRestEncryptionEnabled",
		"AWS::Neptune::DBCluster": "StorageEncrypted",
		"AWS::RDS::DBCluster": "StorageEncrypted",
		"AWS::RDS::DBInstance": "StorageEncrypted",
		"AWS::Redshift::Cluster": "Encrypted",
	}
	some resource in cfn.of_type(type)
	cfn.off(resource.properties, field)
	not inherits(type, resource.properties)
	finding := cfn.finding("cloudformation/storage/unencrypted", resource.name, sprintf("%s must be true", [field]))
}

# Members of a cluster, replicas and copies are encrypted as what they come from. Of a cluster, DBClusterIdentifier is its own name.
inherits("AWS::RDS::DBInstance", properties) if properties.DBClusterIdentifier

inherits(_, properties) if {
	some field in ["DBSnapshotIdentifier", "SnapshotIdentifier", "SourceDBClusterIdentifier", "SourceDBInstanceIdentifier"]
	properties[field]
}

# METADATA
# title: Database without backups
# description: >-
#   A database keeps backups for less than a week; when nothing is said, for a day.
# custom:
#   id: cloudformation/storage/backup
#   severity: medium
#   controls:
#   - nist-800-53r5:CP-9
#   - iso-27001-2022:A.8.13
#   - soc2:A1.2
#   remediation: Set BackupRetentionPeriod to 7 or more.
deny contains finding if {
	some type in ["AWS::RDS::DBCluster", "AWS::RDS::DBInstance"]
	some resource in cfn.of_type(type)
	not inherits(type, resource.properties)
	days := cfn.number(object.get(resource.properties, "BackupRetentionPeriod", 1))
	days < data.config.terraform.min_backup_days
	finding := cfn.finding("cloudformation/storage/backup", resource.name, sprintf("backups are kept for %v days", [days]))
}

# METADATA
# title: Table without recovery
# description: A DynamoDB table can't be restored to a point in time.
# custom:
#   id: cloudformation/storage/recovery
#   severity: medium
#   controls:
#   - nist-800-53r5:CP-9
#   - nist-800-53r5:CP-10
#   - iso-27001-2022:A.8.13
#   - soc2:A1.2
#   remediation: Set PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled to true.
deny contains finding if {
	some resource in cfn.of_type("AWS::DynamoDB::Table")
	specification := object.get(resource.properties, "PointInTimeRecoverySpecification", {})
	cfn.off(specification, "PointInTimeRecoveryEnabled")
	message := "PointInTimeRecoveryEnabled must be true"
	finding := cfn.finding("cloudformation/storage/recovery", resource.name, message)
}

# METADATA
# title: Key that is not rotated
# description: A symmetric key of KMS is never rotated.
# custom:
#   id: cloudformation/storage/key-rotation
#   severity: medium
#   controls:
#   - cis-aws-3.0:3.6
#   - nist-800-53r5:SC-12
#   - pci-dss-4.0:3.7.4
#   - iso-27001-2022:A.8.24
#   remediation: Set EnableKeyRotation to true.
#   fix: {at: [Properties, EnableKeyRotation], value: true}
deny contains finding if {
	some name, resource in input.Resources
	resource.Type == "AWS::KMS::Key"
	properties := object.get(resource, "Properties", {})
	object.get(properties, "KeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT"
	object.get(properties, "KeyUsage", "ENCRYPT_DECRYPT") == "ENCRYPT_DECRYPT"
	cfn.off(properties, "EnableKeyRotation")
	finding := cfn.finding("cloudformation/storage/key-rotation", name, "EnableKeyRotation must be true")
}

# METADATA
# title: Data deleted with its stack
# description: >-
#   Nothing says what becomes of a bucket, table or file system when its stack is deleted, so it is deleted too.
# custom:
#   id: cloudformation/storage/deletion
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:CP-9
#   - iso-27001-2022:A.8.10
#   remediation: Set DeletionPolicy to Retain, or to Delete if that is meant.
warn contains finding if {
	some name, resource in input.Resources
	resource.Type in {"AWS::DynamoDB::Table", "AWS::EFS::FileSystem", "AWS::S3::Bucket"}
	not resource.DeletionPolicy
	finding := cfn.finding("cloudformation/storage/deletion", name, "DeletionPolicy should be set")
}

# METADATA
# title: Trail with gaps
# description: A CloudTrail covers one region only, does not log, or can be changed without a trace.
# custom:
#   id: cloudformation/storage/trail
#   layer: L8
#   severity: high
#   controls:
#   - cis-aws-3.0:3.1
#   - cis-aws-3.0:3.2
#   - nist-800-53r5:AU-2
#   - nist-800-53r5:AU-9
#   - pci-dss-4.0:10.2.1
#   remediation: Set IsLogging, IsMultiRegionTrail and EnableLogFileValidation to true.
deny contains finding if {
	some resource in cfn.of_type("AWS::CloudTrail::Trail")
	some field in ["EnableLogFileValidation", "IsLogging", "IsMultiRegionTrail"]
	cfn.off(resource.properties, field)
	finding := cfn.finding("cloudformation/storage/trail", resource.name, sprintf("%s must be true", [field]))
}

# METADATA
# title: Secret in the template
# description: A password stands in the template, as a value or as the default of a parameter.
# custom:
#   id: cloudformation/storage/plain-secret
#   severity: critical
#   controls:
#   - nist-800-53r5:IA-5(7)
#   - iso-27001-2022:A.5.17
#   - pci-dss-4.0:8.6.2
#   remediation: Use {{resolve:secretsmanager:...}}, or a parameter with NoEcho and without a default.
deny contains finding if {
	some entry in passwords
	value := entry.holder[entry.field]
	is_string(value)
	value != ""
	not contains(value, "{{resolve:")
	finding := cfn.finding("cloudformation/storage/plain-secret", entry.name, sprintf("%s must not stand in the template", [entry.field]))
}

passwords contains {"name": name, "field": field, "holder": resource.Properties} if {
	some name, resource in input.Resources
	some field in ["AuthToken", "MasterUserPassword", "MasterPassword", "SecretString"]
	startswith(resource.Type, "AWS::")
}

passwords contains {"name": name, "field": "Default", "holder": parameter} if {
	some name, parameter in input.Parameters
	cfn.is_true(parameter.NoEcho)
}
