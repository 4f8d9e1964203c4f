"""What does ministack leave out? The routes and CORS of an HTTP API.

SAM writes them as an OpenAPI document into the API's ``Body``, which ministack does not read. So they are made
from the processed template, through the API that a person would use; nothing is listed a second time here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from infra.local.place import REGION, STACK, Place

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client

_CORS = {
    "allowOrigins": "AllowOrigins",
    "allowHeaders": "AllowHeaders",
    "allowMethods": "AllowMethods",
    "exposeHeaders": "ExposeHeaders",
    "maxAge": "MaxAge",
    "allowCredentials": "AllowCredentials",
}


def make(place: Place) -> None:
    """Make the routes of every HTTP API in the stack; those that are there already stay."""
    session = place.session()
    formation = session.client("cloudformation", endpoint_url=place.aws)
    gateway = session.client("apigatewayv2", endpoint_url=place.aws)
    template: Any = formation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
    physical = {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in formation.describe_stack_resources(StackName=STACK)["StackResources"]
    }
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::ApiGatewayV2::Api":
            body = resource["Properties"]["Body"]
            _make_routes(gateway, physical[name], body, physical)
            _set_cors(gateway, physical[name], body)


def _make_routes(
    gateway: ApiGatewayV2Client, api: str, body: Mapping[str, Any], physical: Mapping[str, str]
) -> None:
    present = {route["RouteKey"] for route in gateway.get_routes(ApiId=api, MaxResults="500")["Items"]}
    integrations: dict[str, str] = {}
    for key, function in _routes(body):
        if key in present:
            continue
        if function not in integrations:
            integrations[function] = gateway.create_integration(
                ApiId=api,
                IntegrationType="AWS_PROXY",
                IntegrationUri=f"arn:aws:lambda:{REGION}:000000000000:function:{physical[function]}",
                PayloadFormatVersion="2.0",
            )["IntegrationId"]
        gateway.create_route(ApiId=api, RouteKey=key, Target=f"integrations/{integrations[function]}")


def _routes(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """``("POST /v1/{proxy+}", "Ingest")``: route keys with the logical id of their function."""
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            uri = operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
            function = re.search(r"\$\{(\w+)\.Arn\}", uri)
            if function is None:
                raise ValueError(f"{method} {path} does not go to a function: {uri}")
            yield f"{'ANY' if 'any' in method else method.upper()} {path}", function[1]


def _set_cors(gateway: ApiGatewayV2Client, api: str, body: Mapping[str, Any]) -> None:
    cors = body.get("x-amazon-apigateway-cors")
    if cors:
        given: Any = {_CORS[name]: value for name, value in cors.items()}
        gateway.update_api(ApiId=api, CorsConfiguration=given)
