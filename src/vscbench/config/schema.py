"""The JSON Schema of a study's file, for editors: completion, descriptions, and a red line under what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from vscbench.config import parts
from vscbench.config.reading import PROTOCOLS
from vscbench.config.sections import SWEPT
from vscbench.config.study import Evaluation, Study

if TYPE_CHECKING:
    from pydantic import BaseModel

    Rule = dict[str, Any]

SCALARS = {"string", "integer", "number", "boolean"}
OWN = {
    "type": "object",
    "anyOf": [{"required": [key], "properties": {key: {"pattern": ":"}}} for key in ("kind", "family")],
}
"""A part of the user's own, by the address of its class."""


def json_schema() -> Rule:
    """What a file of a study may say, as JSON Schema (draft 2020-12): the models of the study and of all known parts.

    A file may be laid over another: so no key is required, and null, which deletes one, is allowed.
    """
    known: dict[str, dict[str, type[BaseModel]]] = {role: {"": model} for role, model in parts.FIXED.items()}
    for role in (role for role, about in parts.ROLES.items() if about.table and role != "rule"):
        known[role] = {name: parts.model(role, parts.find(role, name), described=True) for name in parts.names(role)}
    models: list[type[BaseModel]] = [
        Study,
        Evaluation,
        *(model for group in known.values() for model in group.values()),
    ]
    references, whole = models_json_schema([(model, "validation") for model in models])
    definitions: Rule = whole["$defs"]

    def definition(model: type[BaseModel]) -> Rule:
        found: Rule = definitions[references[model, "validation"]["$ref"].rpartition("/")[2]]
        return found

    def any_of(role: str) -> Rule:
        return {"anyOf": [*(references[model, "validation"] for model in known[role].values()), OWN, {"type": "null"}]}

    for role, group in known.items():
        for model in group.values():
            keys = _loosen(definition(model), swept=role in (*SWEPT, *parts.ROLES["coder"].nested, "optimizer"))
            keys |= {key: any_of(key) for key in (*parts.ROLES[role].nested, *parts.FIXED) if key in keys}
            if selector := parts.ROLES[role].selector:
                keys[selector] = {"enum": [name for name in group if group[name] is model]}
            if role == "coder":
                keys["base"] = {"type": "string", "description": "the method whose settings lie below these"}
    for ramp in ("Ramp", "OneCycle"):
        _loosen(definitions[ramp], swept=True)
    metrics = {
        name: {"anyOf": [references[m, "validation"], {"type": "boolean"}]} for name, m in known["metric"].items()
    }
    definition(Evaluation).update(additionalProperties=False, properties=definition(Evaluation)["properties"] | metrics)
    study, experiment = _loosen(definition(Study)), _loosen(definitions["Experiment"])
    known_parts = {key: any_of(key) for key in ("generator", "encoder", *parts.FIXED)}
    known_parts["evaluation"] = references[Evaluation, "validation"] | {"anyOf": [{}]}
    known_parts["overrides"] = _named(any_of("coder"))
    for keys in (experiment, _loosen(definitions["Part"])):
        keys |= {key: keys[key] | rule for key, rule in known_parts.items() if key in keys}
    followed = [{"enum": list(PROTOCOLS)}, {"type": "string", "pattern": r"\.ya?ml$"}, {"$ref": "#/$defs/Protocol"}]
    study["protocol"] |= {"anyOf": [*followed, {"type": "null"}]}
    experiment["protocol"] |= {"anyOf": [*followed, {"type": "null"}]}
    study["datasets"] |= _named(any_of("dataset"))
    study["methods"] |= _named(any_of("coder"))
    study["experiments"] |= _named({"anyOf": [{"$ref": "#/$defs/Experiment"}, {"type": "null"}]})
    files = [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    study["extends"] = {"anyOf": files, "description": "files beside this one that lie below it"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **definition(Study), "$defs": definitions}


def _named(entry: Rule) -> Rule:
    """Entries by name."""
    return {"anyOf": [{"type": "object", "additionalProperties": entry}]}


def _loosen(of: Rule, *, swept: bool = False) -> Rule:
    """The keys of a schema, none of them required: each may be null, and where values are swept a list of them."""
    of.pop("required", None)
    for key, rule in of.get("properties", {}).items():
        options = rule.get(
            "anyOf", [{name: value for name, value in rule.items() if name not in ("description", "title")}]
        )
        scalars = [option for option in options if option.get("type") in SCALARS or "enum" in option]
        lists = [{"type": "array", "items": {"anyOf": scalars}}] if swept and scalars else []
        said = {str(name): rule[name] for name in ("description", "default") if name in rule}
        of["properties"][key] = {**said, "anyOf": [*options, *lists, {"type": "null"}]}
    found: Rule = of.setdefault("properties", {})
    return found
