"""The JSON Schema of a study's file, for editors: completion, descriptions, and a red line under what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from vscbench.config import parts
from vscbench.config.runs import SWEPT
from vscbench.config.study import Evaluation, Study

if TYPE_CHECKING:
    from pydantic import BaseModel

SCALARS = {"string", "integer", "number", "boolean"}
FILES = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


def json_schema() -> dict[str, Any]:
    """What a file of a study may say, as JSON Schema (draft 2020-12): the models of the study and of all known parts.

    A file may be laid over another: so no key of a part is required, and null, which deletes one, is allowed.
    """
    known = {
        role: {name: parts.model(role, parts.find(role, name)) for name in parts.names(role)}
        for role, about in parts.ROLES.items()
        if about.table and role != "rule"
    } | {role: {"": model} for role, model in parts.FIXED.items()}
    models: list[type[BaseModel]] = [model for group in known.values() for model in group.values()]
    references, whole = models_json_schema([(model, "validation") for model in (Study, Evaluation, *models)])
    definitions = whole["$defs"]

    def one_of(role: str) -> dict[str, Any]:
        """A part of any class that its key may name."""
        return {"anyOf": [references[model, "validation"] for model in known[role].values()] + OWN[role in parts.FIXED]}

    def definition(model: type[BaseModel]) -> dict[str, Any]:
        found: dict[str, Any] = definitions[references[model, "validation"]["$ref"].rpartition("/")[2]]
        return found

    for role, group in known.items():
        for model in dict.fromkeys(group.values()):
            here, selected = definition(model), [name for name in group if group[name] is model]
            here.pop("required", None)
            for key, rule in here["properties"].items():
                here["properties"][key] = _loose(rule, swept=role in (*SWEPT, "threshold", "prior", "optimizer"))
            if selector := parts.ROLES[role].selector:
                here["properties"][selector] = {"enum": selected, "description": here.get("description", "")}
            for key in {*parts.ROLES[role].nested} & here["properties"].keys():
                here["properties"][key] = {"anyOf": [one_of(key), {"type": "null"}]}
            if role == "coder":
                here["properties"] |= {"objective": one_of("objective"), "training": one_of("training")}
                here["properties"]["base"] = {
                    "type": "string",
                    "description": "the method whose settings lie below these",
                }
    for ramp in ("Ramp", "OneCycle"):
        definitions[ramp]["properties"] = {k: _loose(v, swept=True) for k, v in definitions[ramp]["properties"].items()}
        definitions[ramp].pop("required")
    metrics = {
        name: {"anyOf": [references[m, "validation"], {"type": "boolean"}]} for name, m in known["metric"].items()
    }
    definition(Evaluation)["properties"] |= metrics
    definition(Evaluation)["additionalProperties"] = False
    study, experiment = definition(Study), definitions["Experiment"]
    for key in ("generator", "encoder", "objective", "training"):
        experiment["properties"][key] |= one_of(key)
    experiment["properties"]["evaluation"] |= references[Evaluation, "validation"]
    experiment["properties"]["overrides"]["additionalProperties"] = one_of("coder")
    study["properties"]["datasets"] = _named(study["properties"]["datasets"], one_of("dataset"))
    study["properties"]["methods"] = _named(study["properties"]["methods"], one_of("coder"))
    study["properties"]["experiments"] = _named(study["properties"]["experiments"], {"$ref": "#/$defs/Experiment"})
    study["properties"]["extends"] = {**FILES, "description": "files beside this one that lie below it"}
    for part in (study, experiment):
        part.pop("required", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **study, "$defs": definitions}


OWN: dict[bool, list[dict[str, Any]]] = {
    True: [],
    False: [{"type": "object", "required": [key], "properties": {key: {"pattern": ":"}}} for key in ("kind", "family")],
}
"""A part of the user's own, by the address of its class; parts that name no class have none."""


def _named(group: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """The schema of entries by name, each of which may be null."""
    kept = {key: value for key, value in group.items() if key in ("description", "minProperties")}
    return {**kept, "type": "object", "additionalProperties": {"anyOf": [entry, {"type": "null"}]}}


def _loose(rule: dict[str, Any], *, swept: bool) -> dict[str, Any]:
    """A rule that allows null, and where values are swept a list of what it allows."""
    options = rule.get("anyOf", [{key: value for key, value in rule.items() if key not in ("description", "title")}])
    scalars = [option for option in options if option.get("type") in SCALARS or "enum" in option or "const" in option]
    lists = [{"type": "array", "items": {"anyOf": scalars}}] if swept and scalars else []
    said = {key: rule[key] for key in ("description", "default") if key in rule}
    return {**said, "anyOf": [*options, *lists, {"type": "null"}]}
