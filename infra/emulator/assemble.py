"""Makes of the project's template one that deploys compiled binaries into the emulator.

    assemble.py TEMPLATE BUILD

writes BUILD/template.yaml, whose functions take their code from BUILD/<binary>/. It differs from the template in this:

- A function's CodeUri is its folder in BUILD, and the metadata that would have SAM compile it is gone.
- AWS::ApiGatewayV2::RouteResponse is gone: the emulator does not know the type, and always sends the body that a function
  returns, as if every route had one.
- An alarm on an expression is gone: the emulator knows alarms on a single metric alone.
- Who may sqs:SendMessage may sqs:SendMessageBatch too: to AWS that is the same right, and the emulator asks for one of that
  name.
- A generated secret's ExcludePunctuation is written out: the emulator knows ExcludeCharacters alone.
- How many instances a queue may wake is gone: the emulator keeps the number as text, and then takes from no queue at all.
- Architecture defaults to the one of this machine, where the functions run.
"""

import platform
import string
import sys
from pathlib import Path

from samcli.yamlhelper import yaml_dump, yaml_parse

# The emulator cannot provision these and does without.
LEFT_OUT = {"AWS::ApiGatewayV2::RouteResponse"}


def left_out(resource: dict) -> bool:
    on_expression = resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]
    return on_expression or resource["Type"] in LEFT_OUT


def rights(function: dict) -> list[dict]:
    return [statement for policy in function["Properties"]["Policies"] for statement in policy["Statement"]]


def may_send_in_batches(statement: dict) -> None:
    # One that depends on a condition is an Fn::If, and has no queue in it.
    actions = statement.get("Action", [])
    actions = actions if isinstance(actions, list) else [actions]
    if "sqs:SendMessage" in actions:
        statement["Action"] = [*actions, "sqs:SendMessageBatch"]


def assemble(template: dict) -> list[str]:
    """Rewrite the template in place, and return the names of the binaries that it needs."""
    resources = template["Resources"]
    for name, resource in list(resources.items()):
        if name.startswith("Fn::ForEach::"):
            body = resource[2]
            for repeated in [key for key, value in body.items() if left_out(value)]:
                del body[repeated]
            if not body:
                del resources[name]
        elif left_out(resource):
            del resources[name]

    binaries = []
    for name, resource in resources.items():
        if name.startswith("Fn::ForEach::"):
            # Loops make log groups, alarms, integrations and permissions, which need no change.
            continue
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            resource["Properties"].pop("ScalingConfig", None)
        if resource["Type"] == "AWS::SecretsManager::Secret":
            generated = resource["Properties"]["GenerateSecretString"]
            if generated.pop("ExcludePunctuation"):
                generated["ExcludeCharacters"] = string.punctuation
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        try:
            binary = resource.pop("Metadata")["BuildProperties"]["Binary"]
        except KeyError:
            sys.exit(f"assemble: {name} has no Metadata with BuildProperties and Binary")
        resource["Properties"]["CodeUri"] = f"{binary}/"
        for statement in rights(resource):
            may_send_in_batches(statement)
        binaries.append(binary)
    template["Globals"]["Function"].pop("CodeUri", None)

    template["Parameters"]["Architecture"]["Default"] = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return binaries


def main() -> None:
    source, build = Path(sys.argv[1]), Path(sys.argv[2])
    template = yaml_parse(source.read_text())
    binaries = assemble(template)
    for binary in binaries:
        if not (build / binary / "bootstrap").is_file():
            sys.exit(f"assemble: {build / binary / 'bootstrap'} is missing, which {source} needs")
    (build / "template.yaml").write_text(yaml_dump(template))


main()
