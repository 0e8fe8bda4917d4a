"""Other people's validators over bills of materials.

Usage: sbom_valid.py cyclonedx|spdx FILE. Prints what each made of the file: components, or packages and relationships. Anything that is not
valid ends it with 1.
"""

import json
import sys


def cyclonedx(path):
    from cyclonedx.model.bom import Bom
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    with open(path, encoding="utf-8") as file:
        text = file.read()
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text, all_errors=True)
    for error in errors or []:
        print(error, file=sys.stderr)
    if errors:
        sys.exit(1)
    bom = Bom.from_json(data=json.loads(text))
    # Complains about references to what is not there.
    bom.validate()
    return {"components": len(bom.components), "dependencies": len(bom.dependencies)}


def spdx(path):
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    document = parse_file(path)
    messages = validate_full_spdx_document(document)
    for message in messages:
        print(message.validation_message, message.context, file=sys.stderr)
    if messages:
        sys.exit(1)
    return {"packages": len(document.packages), "relationships": len(document.relationships)}


print(json.dumps({"cyclonedx": cyclonedx, "spdx": spdx}[sys.argv[1]](sys.argv[2])))
