package lib.secrets_test

import data.lib.secrets

test_secrets_are_told if {
	every name in ["DB_PASSWORD", "ApiKey", "github_token", "JWT_SECRET", "AWS_SECRET_ACCESS_KEY"] {
		secrets.in_environment(name, "hunter2")
	}
}

test_a_kelvin_sign_is_a_k if {
	every name in ["TO\u212aEN", "API_\u212aEY", "githubTO\u212aEN"] {
		secrets.in_environment(name, "hunter2")
	}
	not secrets.in_environment("TO\u212aEN_TTL", "3600")
}

test_references_are_no_secrets if {
	every value in [
		"", "$DB_PASSWORD", "${PASSWORD}", "{{resolve:secretsmanager:db}}", "arn:aws:secretsmanager:eu-west-1:1:secret:db",
		"/run/secrets/db", "https://vault.corp.example", "true", "1", "@Microsoft.KeyVault(SecretUri=x)",
	] {
		not secrets.in_environment("DB_PASSWORD", value)
	}
	not secrets.in_environment("DB_PASSWORD", {"Ref": "Password"})
	not secrets.in_environment("DB_PASSWORD", null)
}

test_names_about_secrets_are_no_secrets if {
	every name in ["LOG_LEVEL", "DB_PASSWORD_FILE", "SECRET_NAME", "TOKEN_URL", "TOKEN_TTL", "ACCESS_KEY_ID", "secretArn", "SECRET_NAMES", "TOKEN_USAGE_TITLE"] {
		not secrets.in_environment(name, "value")
	}
}

test_names_are_told_by_their_words if {
	every name in ["dbPassword", "DB-API--KEY", "private.key", "2FASecret", "Token", "PASSWORD_FILE_", "secret_id-", "_TOKEN"] {
		secrets.in_environment(name, "hunter2")
	}
	every name in ["passwordFile", "secretId", "PASSWORD__MIN-LENGTH", "tokenTTL", "passWord", "TokenizerPath", "apiKeyId"] {
		not secrets.in_environment(name, "hunter2")
	}
}

test_digits_are_a_password if {
	secrets.in_environment("DB_PASSWORD", "123456")
	secrets.in_environment("DB_PASSWORD", 123456)
	secrets.in_environment("PIN_SECRET", "4711")
	every name in ["TOKEN_TTL", "PASSWORD_MIN_LENGTH", "tokenTimeout", "TOKEN_EXPIRY", "SECRETS_PORT", "MAX_TOKENS", "PASSWORD_MAX_AGE"] {
		not secrets.in_environment(name, "3600")
	}
}

test_addresses_with_a_password_are_secrets if {
	every value in ["postgres://app:hunter2@db/app", "redis://:hunter2@cache:6379", "https://ci:hunter2@git.corp.example/a.git"] {
		secrets.in_environment("DATABASE_URL", value)
	}
	every value in [
		"postgres://db/app", "postgres://app@db/app", "postgres://app:${PASSWORD}@db/app", "postgres://app:$PASSWORD@db/app",
		"postgres://app:{{ password }}@db/app", "http://web:8080/users/a@b", "redis://cache:6379", "postgres://app:<password>@db",
		"http://a:80/,http://b:80/@x", 5432,
	] {
		not secrets.in_environment("DATABASE_URL", value)
	}
}

test_words_that_hold_a_secrets_name_are_none if {
	every name, value in {
		"HF_TOKENIZER": "bert", "PASSWORD_POLICY": "strict", "TOKEN_EXPIRY": "30d", "TOKENIZERS_PARALLELISM": "false",
		"TOKEN_ISSUER": "corp", "CREDENTIALS_PROVIDER": "vault", "secretNamespace": "shop", "API_KEY_HEADER": "x-api-key",
	} {
		not secrets.in_environment(name, value)
	}
	every name in ["AUTHTOKEN", "githubToken", "PGPASSWORD", "TOKEN", "MY-API-KEY", "API_TOKENS", "TOKEN_ADMIN", "SECRET_STORAGE"] {
		secrets.in_environment(name, "hunter2")
	}
}

test_variables_of_npm_hold_secrets if {
	every name in [
		"npm_config__auth", "NPM_CONFIG__AUTH", "npm_config__authToken", "npm_config_//registry.npmjs.org/:_authToken", "npm_config__password",
	] {
		secrets.in_environment(name, "bnBtOmh1bnRlcjI=")
	}
	every name in ["npm_config_auth_type", "npm_config_registry", "npm_config_always_auth", "APP_CONFIG_AUTH"] {
		not secrets.in_environment(name, "legacy")
	}
}

test_passphrases_are_secrets if {
	secrets.in_environment("SSH_KEY_PASSPHRASE", "hunter2")
	not secrets.in_environment("GPG_PASSPHRASE_FILE", "pass.txt")
}

test_addresses_of_the_own_machine_hold_no_secret if {
	not secrets.in_environment("DATABASE_URL", "postgres://postgres:postgres@localhost:5432/test")
	secrets.in_environment("DATABASE_URL", "postgres://app:hunter2@db.corp.example/app")
	secrets.in_environment("DB_PASSWORD", "postgres://postgres:postgres@localhost:5432/test")
}

test_files_and_hashers_are_no_secrets if {
	every name in ["secret-files", "secret-envs", "PASSWORD_HASHERS", "passwordHasher", "VAULT_SECRETS_ENGINE", "SECRETS_BACKEND", "ADMIN_PASSWORD_KEY"] {
		not secrets.in_environment(name, "argon2")
	}
	secrets.in_environment("SECRET_KEY", "argon2")
}
