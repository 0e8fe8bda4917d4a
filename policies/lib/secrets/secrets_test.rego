package lib.secrets_test

import data.lib.secrets

test_secrets_are_told if {
	every name in ["DB_PASSWORD", "ApiKey", "github_token", "JWT_SECRET", "AWS_SECRET_ACCESS_KEY"] {
		secrets.in_environment(name, "hunter2")
	}
}

test_references_are_no_secrets if {
	every value in [
		"", "$DB_PASSWORD", "${PASSWORD}", "{{resolve:secretsmanager:db}}", "arn:aws:secretsmanager:eu-west-1:1:secret:db",
		"/run/secrets/db", "https://vault.corp.example", "3600", "true", "@Microsoft.KeyVault(SecretUri=x)",
	] {
		not secrets.in_environment("DB_PASSWORD", value)
	}
	not secrets.in_environment("DB_PASSWORD", {"Ref": "Password"})
	not secrets.in_environment("DB_PASSWORD", null)
}

test_names_about_secrets_are_no_secrets if {
	every name in ["LOG_LEVEL", "DB_PASSWORD_FILE", "SECRET_NAME", "TOKEN_URL", "TOKEN_TTL", "ACCESS_KEY_ID", "secretArn"] {
		not secrets.in_environment(name, "value")
	}
}
