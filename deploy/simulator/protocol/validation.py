"""A prompt is checked from its outputs upwards; an output whose ancestors are in order runs, whatever the others."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.simulator.nodes.interface import Node, Stock, resolved
from deploy.simulator.protocol.versions import Protocol

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


@dataclass(frozen=True)
class Rules:
    """What a prompt is held to."""

    nodes: Mapping[str, Node]
    stock: Stock
    protocol: Protocol


def judge(prompt: Prompt, rules: Rules, targets: Sequence[str] | None) -> Judgement:
    """Check a prompt, converting its values in place. Raises on what is no prompt at all, as the real server does."""
    outputs = []
    for node_id in prompt:
        if "class_type" not in prompt[node_id]:
            return _unrunnable(rules, node_id, prompt[node_id], "a node is missing the class_type property")
        name = prompt[node_id]["class_type"]
        node = rules.nodes.get(name)
        if node is None:
            return _unrunnable(rules, node_id, prompt[node_id], f"node {name} does not exist")
        if node.output_node and (targets is None or node_id in targets):
            outputs.append(node_id)
    if not outputs:
        return Judgement(_refusal("prompt_no_outputs", "Prompt has no outputs", ""))
    return _judge_outputs(prompt, outputs, Inspection(prompt, rules))


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
    rules: Rules
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    _path: list[str] = field(default_factory=list)

    def verdict(self, node_id: str) -> Verdict:
        if node_id in self._path:
            return self._cycle(node_id)
        if node_id not in self.verdicts:
            self._path.append(node_id)
            try:
                found = self._inspect(node_id)
            finally:
                self._path.pop()
            self.verdicts[node_id] = self.verdicts.get(node_id, found)  # It has one already if it is in a cycle.
        return self.verdicts[node_id]

    def _cycle(self, node_id: str) -> Verdict:
        """No node of a cycle is at fault more than the others: newer versions name all of them, older ones none."""
        if not self.rules.protocol.names_nodes_at_fault:
            return Verdict(False)
        members = self._path[self._path.index(node_id) :]
        details = " -> ".join(f"{member} ({self.prompt[member]['class_type']})" for member in [*members, node_id])
        for member in members:
            facts = {"node_id": member, "cycle_nodes": members}
            reason = _reason("dependency_cycle", "Dependency cycle detected", details, facts)
            self.verdicts[member] = Verdict(False, [reason])
        return self.verdicts[node_id]

    def _inspect(self, node_id: str) -> Verdict:
        inputs = self.prompt[node_id]["inputs"]
        node = self.rules.nodes[self.prompt[node_id]["class_type"]]
        reasons: list[Reason] = []
        ancestors_valid = True
        for name, spec in node.declared().items():
            if name not in inputs:
                if name in node.required:
                    facts = {"input_name": name}
                    reasons.append(_reason("required_input_missing", "Required input is missing", name, facts))
                continue
            config = resolved(spec, self.rules.stock)
            config = config if len(config) > 1 else [*config, {}]
            if isinstance(inputs[name], list):
                found, valid = self._inspect_link(name, config, inputs[name])
                reasons += found
                ancestors_valid = ancestors_valid and valid
            else:
                reasons += _inspect_value(name, config, inputs, closed_choices=node.refuses is None)
        if not reasons and node.refuses:
            refused = node.refuses(self.rules.stock.folders, inputs)
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
        received = self.rules.nodes[self.prompt[source]["class_type"]].outputs[link[1]]
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


def _unrunnable(rules: Rules, node_id: str, node: Mapping[str, Any], why: str) -> Judgement:
    if not rules.protocol.names_nodes_at_fault:
        return Judgement(_refusal("invalid_prompt", f"Cannot execute because {why}.", f"Node ID '#{node_id}'"))
    name = node.get("class_type")
    title = node.get("_meta", {}).get("title", name)
    message = f"Node '{title}' not found. The custom node may not be installed."
    if name is None:
        shown = title or f"ID #{node_id}"
        message = f"Node '{shown}' has no class_type. The workflow may be corrupted or a custom node is missing."
    refusal = _refusal("missing_node_type", message, f"Node ID '#{node_id}'")
    return Judgement(refusal | {"extra_info": {"node_id": node_id, "class_type": name, "node_title": title}})


def _refusal(kind: str, message: str, details: str) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": {}}


def _reason(kind: str, message: str, details: str, facts: dict[str, Any]) -> Reason:
    return {"type": kind, "message": message, "details": details, "extra_info": facts}


def _exception(kind: str, message: str, error: Exception) -> Reason:
    facts = {"exception_type": type(error).__qualname__, "traceback": traceback.format_tb(error.__traceback__)}
    return _reason(kind, message, str(error), facts)
