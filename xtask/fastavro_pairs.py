"""Random pairs of schemas, with what fastavro makes of a value: python3 fastavro_pairs.py PAIRS FILE

Each line is a case of the conformance suite "evolved decodes": the writer's schema, the reader's, the bytes that fastavro wrote under the
one, and what it read under the other (or that it could not). The reader's schema is the writer's with a few changes of the kinds that
happen to contracts. The seed is fixed: the same cases every time.

Three things are kept out, because fastavro differs there from the specification or from Apache's Java, which we follow: a union in a union
(it takes them); a promotion to a branch of a union that stands before the very same type (it takes the first that fits at all); and types
that do not fit inside an array or map that is empty (it judges types before values). Nor does it make a float of a default `7`.
"""

import copy
import io
import json
import random
import sys

import fastavro

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
# What Avro promotes to what.
WIDER = {"int": ["long", "float", "double"], "long": ["float", "double"], "float": ["double"], "string": ["bytes"], "bytes": ["string"]}
# Of these a union has at most one.
FAMILY = {"int": "n", "long": "n", "float": "n", "double": "n", "string": "t", "bytes": "t"}


class Maker:
    def __init__(self, chance):
        self.chance = chance
        self.count = 0

    def name(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def schema(self, depth):
        kind = self.chance.choice(PRIMITIVES + (["fixed", "enum", "array", "map", "union", "record", "record"] if depth else []))
        if kind == "fixed":
            return {"type": "fixed", "name": self.name("F"), "size": self.chance.randint(0, 5)}
        if kind == "enum":
            symbols = [f"S{n}" for n in range(self.chance.randint(1, 4))]
            return {"type": "enum", "name": self.name("E"), "symbols": symbols}
        if kind == "array":
            return {"type": "array", "items": self.schema(depth - 1)}
        if kind == "map":
            return {"type": "map", "values": self.schema(depth - 1)}
        if kind == "union":
            branches = {}
            for _ in range(self.chance.randint(1, 4)):
                branch = self.schema(depth - 1)
                if not isinstance(branch, list):
                    name = branch if isinstance(branch, str) else branch.get("name", branch["type"])
                    branches.setdefault(FAMILY.get(name, name), branch)
            return list(branches.values()) or ["null"]
        if kind == "record":
            return self.record(depth)
        return kind

    def record(self, depth):
        name = self.name("R")
        fields = [{"name": f"f{n}", "type": self.schema(depth - 1)} for n in range(self.chance.randint(0, 4))]
        return {"type": "record", "name": name, "fields": fields}

    def value(self, schema):
        """A value whose numbers are whole and small: exact in every type that they may be promoted to."""
        if isinstance(schema, list):
            branch = self.chance.choice(schema)
            # fastavro guesses the branch of a plain value, so it is named.
            name = branch if isinstance(branch, str) else branch.get("name", branch["type"])
            return (name, self.value(branch)) if name != "null" else None
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind == "null":
            return None
        if kind == "boolean":
            return self.chance.random() < 0.5
        if kind in ("int", "long"):
            return self.chance.randint(-1000, 1000)
        if kind in ("float", "double"):
            return self.chance.randint(-1000, 1000) / 2
        if kind == "bytes":
            return bytes(self.chance.randint(0, 127) for _ in range(self.chance.randint(0, 4)))
        if kind == "string":
            return "".join(self.chance.choice("abc") for _ in range(self.chance.randint(0, 4)))
        if kind == "fixed":
            return bytes(self.chance.randint(0, 255) for _ in range(schema["size"]))
        if kind == "enum":
            return self.chance.choice(schema["symbols"])
        if kind == "array":
            return [self.value(schema["items"]) for _ in range(self.chance.randint(1, 3))]
        if kind == "map":
            return {f"k{n}": self.value(schema["values"]) for n in range(self.chance.randint(1, 3))}
        return {field["name"]: self.value(field["type"]) for field in schema["fields"]}

    def change(self, schema):
        """One change somewhere in a copy of the schema."""
        roll = self.chance.random()
        if isinstance(schema, list):
            changed = [self.change(branch) if roll < 0.5 else branch for branch in schema]
            schema = [old if isinstance(new, list) else new for old, new in zip(schema, changed)]
            families = [FAMILY.get(branch, branch) for branch in schema if isinstance(branch, str)]
            if len(set(families)) < len(families):
                raise ValueError("two branches of one family")
            if roll > 0.8:
                self.chance.shuffle(schema)
            return schema
        if isinstance(schema, str):
            if roll < 0.3 and schema in WIDER:
                return self.chance.choice(WIDER[schema])
            if roll < 0.4 and schema != "null":
                return ["null", schema]
            if roll < 0.45:
                return self.chance.choice(PRIMITIVES)
            return schema
        kind = schema["type"]
        if kind in ("array", "map"):
            key = "items" if kind == "array" else "values"
            schema[key] = self.change(schema[key])
        elif kind == "enum" and roll < 0.5:
            schema["symbols"] = schema["symbols"][: self.chance.randint(1, len(schema["symbols"]))]
            if roll < 0.25:
                schema["default"] = schema["symbols"][0]
        elif kind == "fixed" and roll < 0.1:
            schema["size"] += 1
        elif kind == "record":
            fields = schema["fields"]
            if fields and roll < 0.15:
                fields.pop(self.chance.randrange(len(fields)))
            elif roll < 0.35:
                new = {"name": self.name("n"), "type": "int"}
                if roll < 0.3:
                    new["default"] = 7
                fields.insert(self.chance.randint(0, len(fields)), new)
            elif fields and roll < 0.5:
                field = self.chance.choice(fields)
                field["aliases"], field["name"] = [field["name"]], self.name("g")
            elif roll < 0.6:
                schema["aliases"], schema["name"] = [schema["name"]], self.name("Q")
            elif roll < 0.7:
                self.chance.shuffle(fields)
            elif fields:
                field = self.chance.choice(fields)
                if "default" not in field:
                    field["type"] = self.change(field["type"])
        return schema


def plain(value):
    """As JSON has it: bytes are the characters with their numbers."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def main():
    pairs, path = int(sys.argv[1]), sys.argv[2]
    chance = random.Random(20240229)
    with open(path, "w", encoding="utf-8") as out:
        for number in range(pairs):
            maker = Maker(chance)
            writer = maker.record(3)
            reader = copy.deepcopy(writer)
            try:
                for _ in range(chance.randint(0, 3)):
                    reader = maker.change(reader)
            except ValueError:
                continue
            value = maker.value(writer)
            data = io.BytesIO()
            fastavro.schemaless_writer(data, fastavro.parse_schema(copy.deepcopy(writer)), value)
            case = {"test": f"pair {number}", "reader": reader, "writer": writer, "encoding": "BINARY", "bytes_hex": data.getvalue().hex()}
            try:
                parsed = fastavro.parse_schema(copy.deepcopy(reader))
            except Exception:
                # A change made no schema of it (a union with two equal branches).
                continue
            data.seek(0)
            try:
                decoded = fastavro.schemaless_reader(data, fastavro.parse_schema(copy.deepcopy(writer)), parsed)
                case["decoded"] = plain(decoded)
            except Exception as error:
                case["error"] = type(error).__name__
            out.write(json.dumps(case) + "\n")


main()
