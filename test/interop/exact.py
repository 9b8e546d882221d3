"""JSON values with their numbers as they are written, and their canonical form."""

import decimal
import hashlib
import json


class Number(tuple):
    """A number as its text: 1.0, 1 and 1e0 differ."""

    def __new__(cls, text):
        return tuple.__new__(cls, ("number", text))

    @property
    def text(self):
        return self[1]


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number, object_pairs_hook=members)


def members(pairs):
    obj = dict(pairs)
    if len(obj) != len(pairs):
        raise ValueError(f"a name twice in one object: {[name for name, _ in pairs]}")
    return obj


def canonical(value):
    """The RFC 8785 form."""
    if isinstance(value, Number):
        return ecmascript(float(value.text))
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(name) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def ecmascript(number):
    """A number as ECMAScript writes it (RFC 8785 section 3.2.2.3)."""
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    # repr gives the shortest digits that read back to the same number, as ECMAScript does.
    _, digits, exponent = decimal.Decimal(repr(abs(number))).normalize().as_tuple()
    digits = "".join(map(str, digits))
    point = len(digits) + exponent  # where the decimal point stands in the digits
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    fraction = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


def digest(value):
    """The SHA-256 of the canonical form, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
