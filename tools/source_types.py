"""What Python sources say of types that objects do not: what functions return, which attributes methods set."""
import ast
import inspect
import sys


class Sources:
    """What the Python sources say that objects do not: what functions return, which attributes methods set."""

    def __init__(self):
        self.functions, self.classes, self.names, self.read = {}, {}, {}, set()

    def look(self, path):
        if path in self.read or not path.endswith(".py"):
            return
        self.read.add(path)
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        targets = [target for step in tree.body if isinstance(step, ast.Assign) for target in step.targets]
        self.names[path] = {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                first = min([node.lineno, *(found.lineno for found in node.decorator_list)])
                self.functions[path, first] = node
            elif isinstance(node, ast.ClassDef):
                self.classes[path, node.name] = node

    def function(self, function):
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is None:
            return None
        self.look(code.co_filename)
        return self.functions.get((code.co_filename, code.co_firstlineno))

    def result(self, function):
        """The result's type as far as the statements of a function show it."""
        node = self.function(function)
        if node is None:
            return None
        body = [step for step in node.body if not isinstance(step, ast.Pass)
                and not (isinstance(step, ast.Expr) and isinstance(step.value, ast.Constant))]
        if not body or isinstance(body[-1], ast.Raise):
            return None  # others' to define
        own, left = [], list(body)
        while left:
            step = left.pop()
            own.append(step)
            if not isinstance(step, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
                left += ast.iter_child_nodes(step)
        if any(isinstance(step, (ast.Yield, ast.YieldFrom)) for step in own):
            return "Iterator[Any]"
        found = {self.expression(step.value) for step in own if isinstance(step, ast.Return)}
        return "None" if not found else found.pop() if len(found) == 1 else None

    def expression(self, value):
        if value is None:
            return "None"
        if isinstance(value, ast.Constant):
            return type(value.value).__name__ if isinstance(value.value, (bool, str, int)) else None
        if isinstance(value, ast.Name):
            return "Self" if value.id == "self" else None
        if isinstance(value, ast.JoinedStr):
            return "str"
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            return {"isinstance": "bool", "len": "int", "hasattr": "bool", "any": "bool", "all": "bool", "str": "str",
                    "repr": "str", "bool": "bool", "callable": "bool"}.get(value.func.id)
        if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not):
            return "bool"
        if isinstance(value, ast.Compare):
            return "bool" if all(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in value.ops) else None
        return None

    def attributes(self, cls):
        """{name: expressions, each with the method where it is assigned to ``self.name``}."""
        module = sys.modules.get(cls.__module__)
        path = getattr(module, "__file__", None) or ""
        self.look(path)
        node, found = self.classes.get((path, cls.__name__)), {}
        for method in node.body if node else ():
            if not isinstance(method, ast.FunctionDef):
                continue
            for step in ast.walk(method):
                pairs = []
                if isinstance(step, ast.Assign):
                    for target in step.targets:
                        parts = target.elts if isinstance(target, ast.Tuple) else [target]
                        values = step.value.elts if isinstance(step.value, ast.Tuple) else [step.value]
                        pairs += zip(parts, values if len(values) == len(parts) and isinstance(target, ast.Tuple)
                                     else [step.value if len(parts) == 1 else None] * len(parts))
                elif isinstance(step, ast.AnnAssign):
                    pairs = [(step.target, None)]
                elif isinstance(step, ast.Call) and isinstance(step.func, ast.Attribute) and step.args \
                        and step.func.attr in ("register_buffer", "register_parameter") \
                        and isinstance(step.args[0], ast.Constant):
                    found.setdefault(step.args[0].value, []).append((step.func.attr, method.name))
                for target, value in pairs:
                    if isinstance(target, ast.Attribute) and getattr(target.value, "id", "") == "self":
                        found.setdefault(target.attr, []).append((value, method.name))
        return found

    def assigns(self, module, name):
        """Whether a module assigns a name itself."""
        path = getattr(module, "__file__", None) or ""
        if not path.endswith(".py"):
            return not name.startswith("np") and not callable(getattr(module, name))
        self.look(path)
        return name in self.names.get(path, ())
