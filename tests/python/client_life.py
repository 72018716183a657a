"""The life of a gateway and its workload through a generated client.

mypy checks it, so names and types are those of the document.
"""

import os
from typing import TypeVar

from causeway_client import AuthenticatedClient
from causeway_client.api.gateway_definition import (
    create_gateway_definition,
    delete_gateway_definition,
    get_gateway_definition,
    list_gateway_definition,
    patch_gateway_definition,
)
from causeway_client.api.gateway_http_port import list_gateway_http_port
from causeway_client.api.workload_definition import create_workload_definition, delete_workload_definition
from causeway_client.models import (
    ErrorResponse,
    GatewayDefinitionPatch,
    GatewayDefinitionSpec,
    GatewayHttpPortPart,
    GatewayTcpPortPart,
    Placement,
    PlanResponse,
    WorkloadDefinitionSpec,
)

T = TypeVar("T")


def well(answer: T | PlanResponse | ErrorResponse | None) -> T:
    """The answer, when it is no refusal, nor a plan, for which nobody has asked."""
    if answer is None or isinstance(answer, ErrorResponse | PlanResponse):
        raise SystemExit(f"refused: {answer and answer.status}")
    return answer


def refused(answer: object, reason: str) -> None:
    """Fails for any answer but this refusal."""
    if not isinstance(answer, ErrorResponse) or answer.status.reason != reason:
        raise SystemExit(f"not refused for {reason}: {answer}")


def main() -> None:
    client = AuthenticatedClient(base_url=os.environ["CAUSEWAY_URL"], token=os.environ["CAUSEWAY_TOKEN"])
    manifests = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"
    workload = WorkloadDefinitionSpec(name="shop", yaml_document=manifests)
    workload_id = well(create_workload_definition.sync(client=client, body=workload)).data[0].id

    http = [GatewayHttpPortPart(port=80), GatewayHttpPortPart(port=8080, path="/admin")]
    tcp = [GatewayTcpPortPart(port=5432)]
    body = GatewayDefinitionSpec(name="shop", service_name="web", http_ports=http, tcp_ports=tcp)
    made = well(create_gateway_definition.sync(client=client, body=body)).data[0]
    assert made.placement == Placement.SHARED, made.placement
    assert made.http_ports and [port.port for port in made.http_ports] == [80, 8080], made.http_ports
    refused(create_gateway_definition.sync(client=client, body=body), "NameTaken")

    listed = well(list_gateway_http_port.sync(client=client, gatewaydefinitionid=made.id))
    assert {port.port for port in listed.data} == {80, 8080} and listed.meta.total_count == 2, listed
    read = get_gateway_definition.sync_detailed(made.id, client=client)
    seen = read.headers["ETag"]
    assert well(read.parsed).data[0].name == "shop"

    change = GatewayDefinitionPatch(service_name="front")
    changed = well(patch_gateway_definition.sync(made.id, client=client, body=change, if_match=seen)).data[0]
    assert changed.service_name == "front" and changed.name == "shop", changed
    refused(patch_gateway_definition.sync(made.id, client=client, body=change, if_match=seen), "PreconditionFailed")

    going = well(delete_gateway_definition.sync(made.id, client=client)).data[0]
    assert going.deletion_scheduled, "a gateway definition goes when nothing of it is left"
    refused(delete_gateway_definition.sync(made.id, client=client), "BeingDeleted")
    left = well(list_gateway_definition.sync(client=client, name="shop"))
    assert left.meta.total_count == 1, "until then it is there"
    well(delete_workload_definition.sync(workload_id, client=client))


if __name__ == "__main__":
    main()
