# METADATA
# title: CloudFormation exposure
# description: >-
#   What a CloudFormation template would open to the internet or to every account.
# custom:
#   id: cloudformation/exposure
#   layer: L1
#   inputs: [cloudformation]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-7
#   - iso-27001-2022:A.8.20
#   - soc2:CC6.6
#   remediation: Change the resource in the template.
package cloudformation.exposure

import data.lib.cloudformation as cfn
import data.lib.iam
import data.lib.networks

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without resources is no template and is not accepted.
allow if {
	is_object(input.Resources)
	count(deny) == 0
}

ingress contains {"name": resource.name, "rule": rule} if {
	some resource in cfn.of_type("AWS::EC2::SecurityGroup")
	some rule in cfn.as_list(resource.properties.SecurityGroupIngress)
}

ingress contains {"name": resource.name, "rule": resource.properties} if {
	some resource in cfn.of_type("AWS::EC2::SecurityGroupIngress")
}

# METADATA
# title: Administration or database port open to the world
# description: >-
#   A security group admits every address to a port of administration or of a database, or to all of them.
# custom:
#   id: cloudformation/exposure/open-admin-port
#   severity: critical
#   controls:
#   - cis-aws-3.0:5.2
#   - cis-aws-3.0:5.3
#   - nist-800-53r5:SC-7(5)
#   - pci-dss-4.0:1.3.1
#   - iso-27001-2022:A.8.22
#   remediation: Limit the rule to addresses or security groups.
deny contains finding if {
	some entry in ingress
	some field in ["CidrIp", "CidrIpv6"]
	networks.everyone(cfn.said(entry.rule[field]))
	open := [port | some port in [22, 1433, 3306, 3389, 5432, 6379, 27017]; covers(entry.rule, port)]
	open != []
	finding := cfn.finding("cloudformation/exposure/open-admin-port", entry.name, sprintf("ports open to the world: %v", [open]))
}

covers(rule, _) if cfn.number(rule.IpProtocol) == -1

covers(rule, port) if {
	cfn.number(rule.FromPort) <= port
	cfn.number(rule.ToPort) >= port
}

# METADATA
# title: Public bucket
# description: >-
#   A bucket has a public access list, or does not block public access in all four ways. New buckets block it when
#   nothing is said.
# custom:
#   id: cloudformation/exposure/public-bucket
#   layer: L6
#   severity: critical
#   controls:
#   - cis-aws-3.0:2.1.4
#   - nist-800-53r5:AC-3
#   - gdpr:32
#   - pci-dss-4.0:1.4.4
#   remediation: Remove AccessControl, and set all of PublicAccessBlockConfiguration to true.
deny contains finding if {
	some resource in cfn.of_type("AWS::S3::Bucket")
	acl := resource.properties.AccessControl
	acl in {"AuthenticatedRead", "PublicRead", "PublicReadWrite"}
	finding := cfn.finding("cloudformation/exposure/public-bucket", resource.name, sprintf("AccessControl must not be %s", [acl]))
}

deny contains finding if {
	some resource in cfn.of_type("AWS::S3::Bucket")
	block := resource.properties.PublicAccessBlockConfiguration
	some field in ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"]
	cfn.off(block, field)
	finding := cfn.finding("cloudformation/exposure/public-bucket", resource.name, sprintf("%s must be true", [field]))
}

# METADATA
# title: Public database
# description: >-
#   A database or warehouse has a public address, which an instance for replication has when nothing is said.
# custom:
#   id: cloudformation/exposure/public-database
#   layer: L6
#   severity: critical
#   controls:
#   - cis-aws-3.0:2.3.3
#   - nist-800-53r5:SC-7
#   - pci-dss-4.0:1.4.4
#   - gdpr:32
#   remediation: Set PubliclyAccessible to false.
deny contains finding if {
	some type in ["AWS::DMS::ReplicationInstance", "AWS::RDS::DBInstance", "AWS::Redshift::Cluster"]
	some resource in cfn.of_type(type)
	cfn.is_true(object.get(resource.properties, "PubliclyAccessible", type == "AWS::DMS::ReplicationInstance"))
	finding := cfn.finding("cloudformation/exposure/public-database", resource.name, "PubliclyAccessible must be false")
}

# METADATA
# title: Plain HTTP listener
# description: A load balancer answers without TLS and does not redirect.
# custom:
#   id: cloudformation/exposure/plain-listener
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Use HTTPS, or redirect to it.
deny contains finding if {
	some resource in cfn.of_type("AWS::ElasticLoadBalancingV2::Listener")
	resource.properties.Protocol == "HTTP"
	redirects := [action | some action in resource.properties.DefaultActions; action.RedirectConfig.Protocol == "HTTPS"]
	count(redirects) == 0
	finding := cfn.finding("cloudformation/exposure/plain-listener", resource.name, "the listener must use HTTPS or redirect to it")
}

# METADATA
# title: Policy for everyone
# description: A resource's policy admits every principal, without a condition.
# custom:
#   id: cloudformation/exposure/open-policy
#   layer: L2
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:AC-6
#   - gdpr:32
#   - soc2:CC6.3
#   remediation: Name the principals, or add a condition.
deny contains finding if {
	some type, field in {
		"AWS::ECR::Repository": "RepositoryPolicyText",
		"AWS::IAM::Role": "AssumeRolePolicyDocument",
		"AWS::KMS::Key": "KeyPolicy",
		"AWS::S3::BucketPolicy": "PolicyDocument",
		"AWS::SNS::TopicPolicy": "PolicyDocument",
		"AWS::SecretsManager::ResourcePolicy": "ResourcePolicy",
		"AWS::SQS::QueuePolicy": "PolicyDocument",
	}
	some resource in cfn.of_type(type)
	some statement in iam.as_list(resource.properties[field].Statement)
	statement.Effect == "Allow"
	iam.admits_everyone(statement)
	finding := cfn.finding("cloudformation/exposure/open-policy", resource.name, sprintf("%s admits every principal", [field]))
}

# METADATA
# title: Every action on every resource
# description: A role, user, group or policy may do everything.
# custom:
#   id: cloudformation/exposure/administrator
#   layer: L2
#   severity: critical
#   controls:
#   - cis-aws-3.0:1.16
#   - nist-800-53r5:AC-6
#   - pci-dss-4.0:7.2.1
#   - soc2:CC6.3
#   remediation: List the actions and the resources.
deny contains finding if {
	some entry in documents
	some statement in iam.as_list(entry.document.Statement)
	statement.Effect == "Allow"
	iam.everything(statement)
	finding := cfn.finding("cloudformation/exposure/administrator", entry.name, "every action on every resource must not be allowed")
}

# METADATA
# title: Administrator's managed policy
# description: A role, a user or a group has a managed policy that makes an administrator of it, or lets it become one.
# custom:
#   id: cloudformation/exposure/administrator-policy
#   layer: L2
#   severity: critical
#   controls:
#   - cis-aws-3.0:1.16
#   - nist-800-53r5:AC-6(5)
#   - pci-dss-4.0:7.2.1
#   - soc2:CC6.3
#   remediation: Name a policy that lists the actions the identity needs.
deny contains finding if {
	some type in ["AWS::IAM::Group", "AWS::IAM::Role", "AWS::IAM::User"]
	some resource in cfn.of_type(type)
	some arn in resource.properties.ManagedPolicyArns
	name := iam.administrator(cfn.arn(arn))
	message := sprintf("ManagedPolicyArns must not have %s", [name])
	finding := cfn.finding("cloudformation/exposure/administrator-policy", resource.name, message)
}

documents contains {"name": resource.name, "document": resource.properties.PolicyDocument} if {
	some type in [
		"AWS::IAM::GroupPolicy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy",
	]
	some resource in cfn.of_type(type)
}

documents contains {"name": resource.name, "document": policy.PolicyDocument} if {
	some type in ["AWS::IAM::Group", "AWS::IAM::Role", "AWS::IAM::User"]
	some resource in cfn.of_type(type)
	some policy in resource.properties.Policies
}
