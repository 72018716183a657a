"""What the fuzzer can't know: ids of records that exist.

Most ids that it makes up give way to real ones, so that it gets past the first check.
"""

from typing import Any

import schemathesis
from document import Examples

EXAMPLES = Examples()
RECORDS = EXAMPLES.make_all()
#: Ids by the field that may take them, and by the path they are found below.
BY_FIELD = {field: RECORDS[parent]["ID"] for fields in EXAMPLES.parents.values() for field, parent in fields.items()}
BY_PATH = {EXAMPLES.creates[operation]: record["ID"] for operation, record in RECORDS.items()}


def real(made_up: Any, known: int | None) -> Any:
    """A real id for three of four ids: what the fuzzer makes up decides, so a seed gives the same again. What can't be an id stays wrong."""
    is_id = type(made_up) is int and 0 < made_up < 2**63
    return known if known is not None and is_id and made_up % 4 else made_up


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    for item in body if isinstance(body, list) else [body]:
        if isinstance(item, dict):
            item.update({field: real(value, BY_FIELD.get(field)) for field, value in item.items()})
    return body


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    if path_parameters and "id" in path_parameters:
        path = context.operation.path.removesuffix("/{id}")
        path_parameters["id"] = real(path_parameters["id"], BY_PATH.get(path))
    return path_parameters


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    # A stream that doesn't end is never answered whole.
    wait = (case.query or {}).get("wait")
    if case.operation.path == "/v0/watch" and (wait is None or str(wait).isdecimal()):
        case.query = {**(case.query or {}), "wait": 0}


@schemathesis.hook
def filter_query(context: Any, query: dict[str, Any] | None) -> bool:
    # In a query an object turns into parameters of other names, or into none: what is sent is right, though what was made up is wrong.
    return not any(isinstance(value, dict) for value in (query or {}).values())


@schemathesis.hook
def map_headers(context: Any, headers: dict[str, Any]) -> dict[str, Any]:
    # A made-up precondition is never met: one in four is enough.
    for precondition in ("If-Match", "If-Plan"):
        if headers and len(str(headers.get(precondition, ""))) % 4:
            headers = {name: value for name, value in headers.items() if name != precondition}
    return headers
