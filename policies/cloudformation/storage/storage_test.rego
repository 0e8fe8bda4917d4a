package cloudformation.storage_test

import data.cloudformation.storage

found(doc) := result if {
	denied := storage.deny with input as doc
	warned := storage.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

one(type, properties) := found({"Resources": {"Thing": {
	"Type": type,
	"DeletionPolicy": "Retain",
	"Properties": properties,
}}})

trail(regions) := {"EnableLogFileValidation": true, "IsLogging": true, "IsMultiRegionTrail": regions}

template(resources) := {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}

bad := template({
	"Database": {"Type": "AWS::RDS::DBInstance", "Properties": {
		"BackupRetentionPeriod": 0,
		"MasterUserPassword": "hunter2",
		"StorageEncrypted": false,
	}},
	"Orders": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
	"Key": {"Type": "AWS::KMS::Key", "Properties": {}},
	"Trail": {"Type": "AWS::CloudTrail::Trail", "Properties": trail(false)},
})

good := template({
	"Database": {"Type": "AWS::RDS::DBInstance", "Properties": {
		"BackupRetentionPeriod": "7",
		"MasterUserPassword": "{{resolve:secretsmanager:db:SecretString:password}}",
		"StorageEncrypted": true,
	}},
	"Orders": {
		"Type": "AWS::DynamoDB::Table",
		"DeletionPolicy": "Retain",
		"Properties": {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}},
	},
	"Key": {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": true}},
	"Trail": {"Type": "AWS::CloudTrail::Trail", "Properties": trail(true)},
})

ids := {
	"cloudformation/storage/unencrypted", "cloudformation/storage/backup", "cloudformation/storage/recovery",
	"cloudformation/storage/key-rotation", "cloudformation/storage/deletion", "cloudformation/storage/trail",
	"cloudformation/storage/plain-secret",
}

test_bad_template_has_every_finding if found(bad) == ids

test_good_template_is_accepted if {
	found(good) == set()
	storage.allow with input as good
	not storage.allow with input as bad
	not storage.allow with input as {}
}

test_message_names_resource_and_days if {
	doc := template({"Database": {"Type": "AWS::RDS::DBInstance", "Properties": {
		"BackupRetentionPeriod": "1",
		"StorageEncrypted": "true",
	}}})
	storage.deny == {{
		"id": "cloudformation/storage/backup",
		"msg": "Database: backups are kept for 1 days",
		"resource": "Database",
	}} with input as doc
}

test_values_of_functions_are_not_judged if {
	one("AWS::EFS::FileSystem", {"Encrypted": {"Ref": "Encrypted"}}) == set()
	one("AWS::RDS::DBInstance", {"StorageEncrypted": true, "BackupRetentionPeriod": {"Ref": "Days"}}) == set()
	one("AWS::RDS::DBInstance", {"StorageEncrypted": true, "BackupRetentionPeriod": 7, "MasterUserPassword": {"Ref": "Password"}}) == set()
}

test_members_and_copies_are_encrypted_as_their_source if {
	every field in ["DBClusterIdentifier", "DBSnapshotIdentifier", "SourceDBInstanceIdentifier"] {
		one("AWS::RDS::DBInstance", {field: "main"}) == set()
	}
	one("AWS::RDS::DBInstance", {}) == {"cloudformation/storage/unencrypted", "cloudformation/storage/backup"}
}

parameter(value) := {"Resources": {}, "Parameters": {"Password": value}}

test_defaults_of_parameters_are_told if {
	found(parameter({"NoEcho": true, "Default": "hunter2"})) == {"cloudformation/storage/plain-secret"}
	found(parameter({"NoEcho": "true"})) == set()
	found(parameter({"Default": "db"})) == set()
}

test_keys_that_sign_are_not_rotated if {
	bare := {"Resources": {"Key": {"Type": "AWS::KMS::Key"}}}
	found(bare) == {"cloudformation/storage/key-rotation"}
	one("AWS::KMS::Key", {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}) == set()
}

test_the_name_of_a_cluster_is_no_membership if {
	named := {"DBClusterIdentifier": "main"}
	one("AWS::RDS::DBCluster", named) == {"cloudformation/storage/unencrypted", "cloudformation/storage/backup"}
	one("AWS::DocDB::DBCluster", named) == {"cloudformation/storage/unencrypted"}
	one("AWS::Neptune::DBCluster", named) == {"cloudformation/storage/unencrypted"}
	one("AWS::RDS::DBInstance", named) == set()
}

test_a_day_of_backups_is_the_default if {
	one("AWS::RDS::DBCluster", {"StorageEncrypted": true}) == {"cloudformation/storage/backup"}
	one("AWS::RDS::DBCluster", {"StorageEncrypted": true, "BackupRetentionPeriod": 7}) == set()
}

test_secrets_that_stand_in_secrets_are_told if {
	one("AWS::SecretsManager::Secret", {"SecretString": "hunter2"}) == {"cloudformation/storage/plain-secret"}
	one("AWS::SecretsManager::Secret", {"SecretString": {"Ref": "Password"}}) == set()
	one("AWS::SecretsManager::Secret", {"GenerateSecretString": {}}) == set()
}
