"""Says whether a JUnit report is valid: junit_valid.py SCHEMA REPORT. Prints every error and exits with 1 if there is one."""

import sys

import xmlschema

errors = list(xmlschema.XMLSchema(sys.argv[1]).iter_errors(sys.argv[2]))
for error in errors:
    print(error.path, error.reason)
sys.exit(1 if errors else 0)
