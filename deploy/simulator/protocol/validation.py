"""A prompt is checked from its outputs upwards; an output whose ancestors are in order runs, whatever the others."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.simulator.nodes.interface import Node, Stock, resolved

Prompt = Mapping[str, Any]

LONGEST_LISTED = 20  # Longer lists of choices are not echoed in an error.
CONVERSIONS: Mapping[str, type] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}

Reason = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """Whether a node can run, and what is wrong with it itself: nothing if only its ancestors are at fault."""

    valid: bool
    reasons: Sequence[Reason] = ()


@dataclass(frozen=True)
class Judgement:
    """`error` is None when at least one output can run; then `outputs` names those that can."""

    error: dict[str, Any] | None
    outputs: list[str] = field(default_factory=list)
    node_errors: dict[str, Any] = field(default_factory=dict)


def judge(prompt: Prompt, nodes: Mapping[str, Node], stock: Stock, targets: Sequence[str] | None) -> Judgement:
    """Check a prompt, converting its values in place. Raises on what is no prompt at all, as the real server does."""
    outputs = []
    for node_id in prompt:
        if "class_type" not in prompt[node_id]:
            return _unrunnable("a node is missing the class_type property", node_id)
        name = prompt[node_id]["class_type"]
        node = nodes.get(name)
        if node is None:
            return _unrunnable(f"node {name} does not exist", node_id)
        if node.output_node and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return Judgement(_refusal("prompt_no_outputs", "Prompt has no outputs", ""))
    return _judge_outputs(prompt, outputs, Inspection(prompt, nodes, stock))


def _judge_outputs(prompt: Prompt, outputs: list[str], inspection: "Inspection") -> Judgement:
    good: list[str] = []
    node_errors: dict[str, Any] = {}
    for output in outputs:
        try:
            verdict = inspection.verdict(output)
        except Exception as error:  # noqa: BLE001  # anything a malformed graph provokes is reported
            reason = _exception("exception_during_validation", "Exception when validating node", error)
            verdict = Verdict(False, [reason])
            inspection.verdicts[output] = verdict
        if verdict.valid:
            good.append(output)
            continue
        for node_id, other in inspection.verdicts.items():
            if not other.valid and other.reasons:
                empty = {"errors": other.reasons, "dependent_outputs": [], "class_type": prompt[node_id]["class_type"]}
                node_errors.setdefault(node_id, empty)["dependent_outputs"].append(output)
    if good:
        return Judgement(None, good, node_errors)
    refusal = _refusal("prompt_outputs_failed_validation", "Prompt outputs failed validation", "")
    return Judgement(refusal, [], node_errors)


@dataclass
class Inspection:
    """The verdicts on the nodes of one prompt, each made once."""

    prompt: Prompt
    nodes: Mapping[str, Node]
    stock: Stock
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    _path: set[str] = field(default_factory=set)

    def verdict(self, node_id: str) -> Verdict:
        if node_id in self._path:
            return Verdict(False)  # A cycle: no node in it is at fault more than the others, so none is named.
        if node_id not in self.verdicts:
            self._path.add(node_id)
            try:
                self.verdicts[node_id] = self._inspect(node_id)
            finally:
                self._path.discard(node_id)
        return self.verdicts[node_id]

    def _inspect(self, node_id: str) -> Verdict:
        inputs = self.prompt[node_id]["inputs"]
        node = self.nodes[self.prompt[node_id]["class_type"]]
        reasons: list[Reason] = []
        ancestors_valid = True
        for name, spec in node.declared().items():
            if name not in inputs:
                if name in node.required:
                    facts = {"input_name": name}
                    reasons.append(_reason("required_input_missing", "Required input is missing", name, facts))
                continue
            config = resolved(spec, self.stock)
            config = config if len(config) > 1 else [*config, {}]
            if isinstance(inputs[name], list):
                found, valid = self._inspect_link(name, config, inputs[name])
                reasons += found
                ancestors_valid = ancestors_valid and valid
            else:
                reasons += _inspect_value(name, config, inputs, closed_choices=node.refuses is None)
        if not reasons and node.refuses:
            refused = node.refuses(self.stock.folders, inputs)
            for name, why in refused.items():
                message = "Custom validation failed for node"
                reasons.append(_reason("custom_validation_failed", message, f"{name} - {why}", {"input_name": name}))
        return Verdict(ancestors_valid and not reasons, reasons)

    def _inspect_link(self, name: str, config: list[Any], link: list[Any]) -> tuple[list[Reason], bool]:
        """What is wrong with the link itself, and whether what stands behind it is in order."""
        facts = {"input_name": name, "input_config": config}
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return [_reason("bad_linked_input", message, name, {**facts, "received_value": link})], True
        source = link[0]
        received = self.nodes[self.prompt[source]["class_type"]].outputs[link[1]]
        if config[0] not in ("*", received):
            details = f"{name}, received_type({received}) mismatch input_type({config[0]})"
            more = {"received_type": received, "linked_node": link}
            message = "Return type mismatch between linked nodes"
            return [_reason("return_type_mismatch", message, details, {**facts, **more})], True
        try:
            return [], self.verdict(source).valid
        except Exception as error:  # noqa: BLE001  # as above
            reason = _exception("exception_during_inner_validation", "Exception when validating inner node", error)
            reason["extra_info"] |= {**facts, "exception_message": str(error), "linked_node": link}
            self.verdicts[source] = Verdict(False, [reason])
            return [], False


def _inspect_value(name: str, config: list[Any], inputs: dict[str, Any], *, closed_choices: bool) -> list[Reason]:
    """What is wrong with a plain value; one that can be converted is."""
    kind, options = config[0], config[1]
    facts: dict[str, Any] = {"input_name": name, "input_config": config}
    if convert := CONVERSIONS.get(str(kind)):
        try:
            inputs[name] = convert(inputs[name])
        except (TypeError, ValueError, OverflowError) as error:
            message = f"Failed to convert an input value to a {kind} value"
            more = {"received_value": inputs[name], "exception_message": str(error)}
            return [_reason("invalid_input_type", message, f"{name}, {inputs[name]}, {error}", {**facts, **more})]
    value = inputs[name]
    facts["received_value"] = value
    if "min" in options and value < options["min"]:
        return [_reason("value_smaller_than_min", f"Value {value} smaller than min of {options['min']}", name, facts)]
    if "max" in options and value > options["max"]:
        return [_reason("value_bigger_than_max", f"Value {value} bigger than max of {options['max']}", name, facts)]
    choices = kind if isinstance(kind, list) else options.get("options") if kind == "COMBO" else None
    if choices is None or value in choices or not closed_choices:
        return []
    long = len(choices) > LONGEST_LISTED
    listed = f"(list of length {len(choices)})" if long else str(choices)
    facts["input_config"] = None if long else config
    return [_reason("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {listed}", facts)]


def _unrunnable(why: str, node_id: str) -> Judgement:
    return Judgement(_refusal("invalid_prompt", f"Cannot execute because {why}.", f"Node ID '#{node_id}'"))


def _refusal(kind: str, message: str, details: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": {}}


def _reason(kind: str, message: str, details: str, facts: dict[str, Any]) -> Reason:
    return {"type": kind, "message": message, "details": details, "extra_info": facts}


def _exception(kind: str, message: str, error: Exception) -> Reason:
    facts = {"exception_type": type(error).__qualname__, "traceback": traceback.format_tb(error.__traceback__)}
    return _reason(kind, message, str(error), facts)
