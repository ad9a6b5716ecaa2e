#!/usr/bin/env python3
"""Makes operations.json and currencies.json from the fact files: derive.py FACTS_DIR (api-billing.json, currencies.json).

more.json beside this file has the operations that the fact files lack.

Only what rowbill_connector::Schema and Operation read is kept, one operation per line, so that a new API version
shows up as a readable difference.
"""
import json
import pathlib
import sys

SCHEMA = ("type", "required", "enum", "unset", "open", "format", "maxLength")


def schema(full):
    small = {key: full[key] for key in SCHEMA if key in full}
    if "properties" in full:
        small["properties"] = {name: schema(each) for name, each in full["properties"].items()}
    for key in ("items", "additionalProperties"):
        if key in full:
            small[key] = schema(full[key])
    if "anyOf" in full:
        small["anyOf"] = [schema(each) for each in full["anyOf"]]
    return small


def operation(full):
    small = {key: full[key] for key in ("method", "path", "returns", "kind") if key in full}
    small["params"] = schema(full.get("params", {}))
    return small


def compact(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=False)


facts, here = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).parent
api = json.loads((facts / "api-billing.json").read_text())
more = json.loads((here / "more.json").read_text())
lines = ",\n".join(compact(operation(each)) for each in api["ops"] + more["ops"])
(here / "operations.json").write_text(f'{{"version":"{api["meta"]["api_version"]}","operations":[\n{lines}\n]}}\n')

money = json.loads((facts / "currencies.json").read_text())
lists = {
    "all": money["paymentCurrencies"]["codes"],
    "zero_decimal": money["zeroDecimal"]["codes"],
    "three_decimal": money["threeDecimal"]["codes"],
    "whole_times_100": money["twoDecimalOnlyWhole"]["codes"],
    "minimum": money["minimumCharge"]["amounts"],
}
(here / "currencies.json").write_text("{\n" + ",\n".join(f'"{k}":{compact(v)}' for k, v in lists.items()) + "\n}\n")
