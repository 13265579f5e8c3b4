"""check_schema.py SCHEMA LINES < DOCUMENT: is the document as the schema says, and nothing in it that the schema does not name?

With LINES = array/NAME each line of the input is an item of that array.
"""

import json
import sys

from jsonschema import Draft202012Validator


def close(schema):
    """Later versions of rrtool may add members; what this one writes is all described."""
    if isinstance(schema, dict):
        if "properties" in schema:
            schema["additionalProperties"] = False
        for value in list(schema.values()):
            close(value)
    elif isinstance(schema, list):
        for value in schema:
            close(value)


def check_descriptions(schema):
    for name in ("$schema", "$id", "title", "description"):
        if not schema.get(name):
            sys.exit(f"the schema has no {name}")


with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
check_descriptions(schema)
close(schema)
text = sys.stdin.read()
if len(sys.argv) > 2:
    schema = schema["properties"][sys.argv[2]]["items"]
    documents = [json.loads(line) for line in text.splitlines()]
else:
    documents = [json.loads(text)]
problems = [error for document in documents for error in Draft202012Validator(schema).iter_errors(document)]
for problem in problems[:10]:
    print(f"{problem.json_path}: {problem.message}")
sys.exit(1 if problems or not documents else 0)
