"""Backward that is recorded itself (``create_graph=True``).

The tape's rules work on arrays and leave no graph; this run walks the same graph with tensors, and with the operations'
second-order rules. For a node without such a rule, or with options that the rule does not know, the tape's own rule
gives the gradients; differentiating those raises NotImplementedError with the node's name.

A run's state is its own, so that runs may begin inside and beside each other.
"""
import numpy as np

from fastnn import _gradients, _tape, _tensor, dtypes
from fastnn._tensor import Tensor, from_array
from fastnn.errors import no_implicit_gradient
from fastnn.autograd.function import Context, refuse_later
from fastnn.autograd.grad_mode import enable_grad
from fastnn.autograd.step import Step


def _begin(outputs, grad_outputs):
    """[(vertex, gradient)] to begin with."""
    found = []
    for output, given in zip(outputs, grad_outputs, strict=True):
        vertex = _tensor.edge(output)
        if vertex is None:
            raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
        if given is None:
            if output.numel() != 1 or output.is_complex():
                raise no_implicit_gradient(output.detach().numpy())
            given = from_array(np.ones(tuple(output.shape), output.detach().numpy().dtype))
        elif given.shape != output.shape:
            raise RuntimeError(f"Mismatch in shape: grad_output[0] has a shape of {list(given.shape)} and output[0] "
                               f"has a shape of {list(output.shape)}.")
        elif given.dtype is not output.dtype:
            dtypes.as_gradient(given.detach().numpy(), output.dtype.numpy)  # refuses complex numbers
            given = given.to(output.dtype)
        found.append((vertex, given))
    return found


def gradients_of(node, grads):
    """The gradients of a node's inputs, in tensors, from those of its outputs."""
    step = Step(node, run)
    if isinstance(node, Context):
        return node._gradients(grads)
    try:
        return step.gradients(*grads)
    except NotImplementedError as error:
        inputs = [x for x in grads if x is not None] + ([] if _tape.keeps_nothing(node) else step.inputs())
        return refuse_later(_gradients.rule_on_arrays(node, list(grads)), tuple(inputs), error)


def _apply(node, grads):
    """A node's rule with hooks around it."""
    before, after = _tape.around(node)
    watched, looks_for_nan = _tape.anomaly_mode()
    try:
        for hook in list(before):
            grads = _gradients.values_after_hook(hook, hook(grads), grads)
        results = gradients_of(node, grads)
        for hook in list(after):
            results = _gradients.values_after_hook(hook, hook(results, grads), results)
        if watched and looks_for_nan:
            for i, x in enumerate(results):
                if x is not None and np.isnan(x.detach().numpy()).any():
                    raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
        return results
    except Exception:
        if watched:
            _tape.tell_origin(node)
        raise


class Run:
    """One recorded backward: gradients, tensors with a history, as they arrive at vertices."""

    def __init__(self, roots, keep_graph, wanted):
        self.keep_graph, self.wanted, self.found, self.several = keep_graph, wanted, {}, len(roots) > 1
        self.needed = None if wanted is None else _gradients.leading([vertex for vertex, _ in roots], wanted)
        self.arrived, self.parts, self.pending, self.ready = {}, {}, {}, []
        self.pending.update(dict.fromkeys((vertex for vertex, _ in roots), 0))
        stack = list(self.pending)
        seen = set(stack)
        while stack:
            for target in self.targets(stack.pop()):
                self.pending[target] = self.pending.get(target, 0) + 1
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
        for vertex, grad in roots:
            self.arrived[vertex] = self.arrived[vertex] + grad if vertex in self.arrived else grad
        self.ready = [vertex for vertex in self.arrived if not self.pending[vertex]]

    def targets(self, vertex):
        """The vertices that take part and get a gradient from this one."""
        if isinstance(vertex, Tensor) or self.needed is not None and vertex not in self.needed:
            return []
        return [target for target in _tape.edges_of(vertex) if target is not None and self.takes_part(target)]

    def takes_part(self, vertex):
        return self.needed is None or vertex in self.needed or vertex in self.wanted

    def go(self):
        """Run to the leaves."""
        while self.ready:
            vertex = self.ready.pop()
            grad = self.arrived.pop(vertex, None)
            passes = self.needed is None or vertex in self.needed
            if not passes and vertex not in self.wanted and self.several:
                continue  # one of several outputs, from which nothing leads to what is wanted
            if passes and self.wanted is not None and vertex in self.wanted:
                self.found[vertex] = grad  # before the hooks of a node that is passed, as PyTorch has it
            if grad is not None:
                grad = _gradients.gradient_after_hooks(vertex, grad)
            if isinstance(vertex, Tensor) and self.wanted is None:
                if grad is not None:
                    _gradients.accumulate_recorded(vertex, grad)
                continue
            if not passes:
                self.found[vertex] = grad
                continue
            edges = _tape.edges_of(vertex)
            for target, result in zip(edges, self.results(vertex, grad) or (None,) * len(edges)):
                if target is None or not self.takes_part(target):
                    continue
                if result is not None:
                    self.arrived[target] = self.arrived[target] + result if target in self.arrived else result
                self.pending[target] -= 1
                if not self.pending[target]:
                    self.ready.append(target)

    def results(self, node, grad):
        """What a node passes on; one of several outputs leaves its gradient with their node."""
        slot = _tape.slot_of(node)
        if slot is not None:
            if grad is not None:
                owner, = _tape.edges_of(node)
                grads = self.parts.setdefault(owner, [None] * _tape.outputs_of(owner))
                grads[slot] = grad if grads[slot] is None else grads[slot] + grad
            return None
        grads = self.parts.pop(node, None) or [None] * (_tape.outputs_of(node) or 1)
        if grad is not None:
            grads[0] = grad
        if all(g is None for g in grads):
            return None
        results = _apply(node, tuple(grads))
        if not self.keep_graph:
            _tape.free_node(node)
        return results


def run(outputs, grad_outputs, keep_graph, wanted):
    """{vertex: gradient} for the vertices `wanted`, as tensors with a history; None: they go to all leaves' grad."""
    with enable_grad():
        made = Run(_begin(outputs, grad_outputs), keep_graph, wanted)
        made.go()
    return made.found
