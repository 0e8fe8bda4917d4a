package cloudformation.exposure_test

import data.cloudformation.exposure

found(doc) := result if {
	denied := exposure.deny with input as doc
	result := {finding.id | some finding in denied}
}

one(type, properties) := found({"Resources": {"Thing": {"Type": type, "Properties": properties}}})

rule(cidr, port) := {"IpProtocol": "tcp", "CidrIp": cidr, "FromPort": port, "ToPort": port}

listener(actions) := {"Protocol": "HTTP", "Port": 80, "DefaultActions": actions}

grant(principal) := {"PolicyDocument": {"Statement": [{
	"Effect": "Allow",
	"Principal": principal,
	"Action": "s3:GetObject",
	"Resource": "*",
}]}}

role(action) := {"Policies": [{"PolicyName": "all", "PolicyDocument": {"Statement": {
	"Effect": "Allow",
	"Action": action,
	"Resource": "*",
}}}]}

managed(arn) := {"ManagedPolicyArns": [arn]}

template(resources) := {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}

bad := template({
	"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": [rule("0.0.0.0/0", 22)]}},
	"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"AccessControl": "PublicRead"}},
	"Database": {"Type": "AWS::RDS::DBInstance", "Properties": {"PubliclyAccessible": true}},
	"Listener": {"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": listener([{"Type": "forward"}])},
	"Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": grant("*")},
	"Role": {"Type": "AWS::IAM::Role", "Properties": role("*")},
	"User": {"Type": "AWS::IAM::User", "Properties": managed("arn:aws:iam::aws:policy/AdministratorAccess")},
})

good := template({
	"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": [rule("0.0.0.0/0", 443)]}},
	"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"PublicAccessBlockConfiguration": {
		"BlockPublicAcls": true,
		"BlockPublicPolicy": true,
		"IgnorePublicAcls": true,
		"RestrictPublicBuckets": true,
	}}},
	"Database": {"Type": "AWS::RDS::DBInstance", "Properties": {"PubliclyAccessible": false}},
	"Listener": {"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": listener([{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "StatusCode": "HTTP_301"}}])},
	"Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": grant({"AWS": "arn:aws:iam::123456789012:role/web"})},
	"Role": {"Type": "AWS::IAM::Role", "Properties": role(["dynamodb:GetItem"])},
	"User": {"Type": "AWS::IAM::User", "Properties": managed("arn:aws:iam::aws:policy/ReadOnlyAccess")},
})

ids := {
	"cloudformation/exposure/open-admin-port", "cloudformation/exposure/public-bucket",
	"cloudformation/exposure/public-database", "cloudformation/exposure/plain-listener",
	"cloudformation/exposure/open-policy", "cloudformation/exposure/administrator",
	"cloudformation/exposure/administrator-policy",
}

test_bad_template_has_every_finding if found(bad) == ids

test_good_template_is_accepted if {
	found(good) == set()
	exposure.allow with input as good
	not exposure.allow with input as bad
	not exposure.allow with input as {}
}

test_message_names_the_resource if {
	exposure.deny == {{
		"id": "cloudformation/exposure/open-admin-port",
		"msg": "Group: ports open to the world: [22]",
		"resource": "Group",
	}} with input as template({"Group": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": rule("0.0.0.0/0", "22")}})
}

test_values_of_functions_are_not_judged if {
	one("AWS::EC2::SecurityGroupIngress", rule({"Ref": "Network"}, 22)) == set()
	one("AWS::EC2::SecurityGroupIngress", rule("0.0.0.0/0", {"Ref": "Port"})) == set()
	one("AWS::RDS::DBInstance", {"PubliclyAccessible": {"Ref": "Public"}}) == set()
	one("AWS::S3::Bucket", {"AccessControl": {"Ref": "Access"}}) == set()
	block := {"BlockPublicAcls": {"Ref": "B"}, "BlockPublicPolicy": "true", "IgnorePublicAcls": true, "RestrictPublicBuckets": true}
	one("AWS::S3::Bucket", {"PublicAccessBlockConfiguration": block}) == set()
}

test_text_stands_for_booleans if {
	one("AWS::RDS::DBInstance", {"PubliclyAccessible": "True"}) == {"cloudformation/exposure/public-database"}
	block := {"BlockPublicAcls": "false", "BlockPublicPolicy": "true", "IgnorePublicAcls": true, "RestrictPublicBuckets": true}
	one("AWS::S3::Bucket", {"PublicAccessBlockConfiguration": block}) == {"cloudformation/exposure/public-bucket"}
}

test_every_protocol_counts if {
	every protocol in ["-1", -1] {
		one("AWS::EC2::SecurityGroupIngress", {"IpProtocol": protocol, "CidrIpv6": "::/0"}) == {"cloudformation/exposure/open-admin-port"}
	}
}

test_conditions_limit_policies if {
	limited := {"PolicyDocument": {"Statement": {
		"Effect": "Allow",
		"Principal": {"AWS": ["*"]},
		"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
	}}}
	one("AWS::SQS::QueuePolicy", limited) == set()
	open := {"PolicyDocument": {"Statement": {"Effect": "Allow", "Principal": {"AWS": ["*"]}}}}
	one("AWS::SQS::QueuePolicy", open) == {"cloudformation/exposure/open-policy"}
}

test_resources_without_properties_are_accepted if {
	exposure.allow with input as template({"Bucket": {"Type": "AWS::S3::Bucket"}, "Null": null})
}

test_administrators_policies_are_told_as_text_and_functions if {
	every arn in [
		"arn:aws-cn:iam::aws:policy/AdministratorAccess",
		{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"},
		{"Fn::Sub": ["arn:${P}:iam::aws:policy/AdministratorAccess", {"P": "aws"}]},
		{"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/AdministratorAccess"]]},
	] {
		one("AWS::IAM::Role", managed(arn)) == {"cloudformation/exposure/administrator-policy"}
	}
	every arn in [{"Ref": "Policy"}, "arn:aws:iam::123456789012:policy/AdministratorAccess", {"Fn::Join": ["", {"Ref": "Parts"}]}] {
		one("AWS::IAM::Role", managed(arn)) == set()
	}
	one("AWS::IAM::Role", {"ManagedPolicyArns": {"Ref": "Arns"}}) == set()
}

test_all_but_some_actions_is_everything if {
	document := {"PolicyDocument": {"Statement": {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}}}
	every type in ["AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"] {
		one(type, document) == {"cloudformation/exposure/administrator"}
	}
}

test_every_spelling_of_an_open_port_counts if {
	open := {"cloudformation/exposure/open-admin-port"}
	every cidr in ["0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/0"] {
		found(template({"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": [rule(cidr, 22)]}}})) == open
	}
	found(template({"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": rule("0.0.0.0/0", 22)}}})) == open
	referring := template({"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": [rule({"Ref": "From"}, 22)]}}})
	found(referring) == set()
	found(object.union(referring, {"Parameters": {"From": {"Type": "String", "Default": "0.0.0.0/0"}}})) == open
	found(object.union(referring, {"Parameters": {"From": {"Type": "String", "Default": "10.0.0.0/8"}}})) == set()
}

admitting(type, field, more) := template({"R": {"Type": type, "Properties": {field: {"Statement": [object.union({"Effect": "Allow", "Action": "s3:GetObject"}, more)]}}}})

test_more_ways_to_admit_everyone_count if {
	open := {"cloudformation/exposure/open-policy"}
	found(admitting("AWS::ECR::Repository", "RepositoryPolicyText", {"Principal": "*"})) == open
	found(admitting("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy", {"Principal": {"AWS": ["*"]}})) == open
	found(admitting("AWS::S3::BucketPolicy", "PolicyDocument", {"NotPrincipal": {"AWS": "123456789012"}})) == open
	found(admitting("AWS::S3::BucketPolicy", "PolicyDocument", {"Principal": "*", "Condition": {}})) == open
}

test_instances_for_replication_are_public_unless_told if {
	public := {"cloudformation/exposure/public-database"}
	found(template({"R": {"Type": "AWS::DMS::ReplicationInstance"}})) == public
	found(template({"R": {"Type": "AWS::DMS::ReplicationInstance", "Properties": {"PubliclyAccessible": false}}})) == set()
	found(template({"R": {"Type": "AWS::RDS::DBInstance"}})) == set()
}

test_only_redirects_to_tls_are_no_plain_listeners if {
	redirect := {"Type": "redirect", "RedirectConfig": {"Host": "b", "StatusCode": "HTTP_301"}}
	found(template({"L": {"Type": "AWS::ElasticLoadBalancingV2::Listener", "Properties": listener([redirect])}})) == {"cloudformation/exposure/plain-listener"}
}

messages(properties) := {finding.msg | some finding in denied} if {
	denied := exposure.deny with input as template({"G": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": properties}})
}

test_a_rule_for_many_ports_is_one_finding if {
	whole := {"G: ports open to the world: [22, 1433, 3306, 3389, 5432, 6379, 27017]"}
	messages({"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}) == whole
	messages({"IpProtocol": -1, "CidrIpv6": "::/0"}) == whole
	messages({"IpProtocol": "tcp", "CidrIp": "0.0.0.0/0", "FromPort": 0, "ToPort": 65535}) == whole
	messages({"IpProtocol": "tcp", "CidrIp": "0.0.0.0/0", "FromPort": 3306, "ToPort": 3389}) == {"G: ports open to the world: [3306, 3389]"}
	messages({"IpProtocol": "tcp", "CidrIp": "0.0.0.0/0", "FromPort": 80, "ToPort": 443}) == set()
}
