"""The API document as clients see it: fetched from a server, read with nothing but the standard library."""

import json
import os
import urllib.error
import urllib.request
from typing import Any, NamedTuple

URL = os.environ.get("CAUSEWAY_URL", "http://127.0.0.1:1323")


class Answer(NamedTuple):
    """An answer of the server."""

    code: int
    body: Any


def send(method: str, path: str, body: Any = None) -> Answer:
    """Sends a request, as admin where the server asks who is calling."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("CAUSEWAY_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(URL + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Answer(response.status, json.load(response))
    except urllib.error.HTTPError as refusal:
        return Answer(refusal.code, json.load(refusal))


class Examples:
    """Makes records from the document's examples. Links say which field of which body takes the id of a new record."""

    def __init__(self) -> None:
        self.paths: dict[str, Any] = send("GET", "/openapi.json").body["paths"]
        self.created: dict[str, dict[str, Any]] = {}
        self.creates: dict[str, str] = {}
        self.parents: dict[str, dict[str, str]] = {}
        for path, operations in self.paths.items():
            if (operation := operations.get("post", {}).get("operationId", "")).startswith("create"):
                self.creates[operation] = path
        for operation, path in self.creates.items():
            for link in self.paths[path]["post"]["responses"]["201"].get("links", {}).values():
                for field in link.get("requestBody", {}):
                    self.parents.setdefault(link["operationId"], {})[field] = operation

    def make(self, operation: str) -> dict[str, Any]:
        """The record of an operation's example, after those that it names."""
        if operation not in self.created:
            path = self.creates[operation]
            example = self.paths[path]["post"]["requestBody"]["content"]["application/json"]["example"]
            for body in example if isinstance(example, list) else [example]:
                for field, parent in self.parents.get(operation.removesuffix("Set"), {}).items():
                    if field in body:
                        body[field] = self.make(parent)["ID"]
            answer = send("POST", path, example)
            if answer.code == 409 and answer.body["Status"]["reason"] in ("AlreadyExists", "NameTaken"):
                # Others have brought it about: a gateway instance makes the support services of its cluster.
                answer = send("GET", path)
            elif answer.code != 201:
                sentence = answer.body["Status"]["error"]
                raise SystemExit(f"{operation}: the server refuses its own example: {answer.code} {sentence}")
            self.created[operation] = answer.body["Data"][0]
        return self.created[operation]

    def make_all(self) -> dict[str, dict[str, Any]]:
        """One record of every kind that clients may make, by operation."""
        for operation in self.creates:
            self.make(operation)
        return self.created
