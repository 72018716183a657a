"""A real server takes every example of the document, and answers what is told."""

from document import Examples, send

if __name__ == "__main__":
    examples = Examples()
    for operation, record in examples.make_all().items():
        path = examples.creates[operation]
        if "{id}" in "".join(other for other in examples.paths if other.startswith(path + "/")):
            read = send("GET", f"{path}/{record['ID']}")
            assert read.code == 200 and read.body["Data"][0]["ID"] == record["ID"], read
        change = examples.paths.get(path + "/{id}", {}).get("patch")
        if change:
            body = change["requestBody"]["content"]["application/json"]["example"]
            changed = send("PATCH", f"{path}/{record['ID']}", body)
            assert changed.code == 200, (path, body, changed.body["Status"])
    print(f"{len(examples.created)} examples taken")
