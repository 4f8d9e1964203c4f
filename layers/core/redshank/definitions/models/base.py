"""What do all shapes of the YAML have in common?

Each knows its place in its file. Unknown keys are reported with the nearest known one and do not keep the
rest from being looked at; what the language has but Redshank does not do yet is refused by name.

Validation takes the collected ``Problems`` as its context.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError, PydanticOmit

from redshank.definitions.documents import Listed, Mapped
from redshank.definitions.problems import Place, Problems, did_you_mean, listed, nearest


class Definition(BaseModel):
    """A mapping of the YAML."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    #: Keys of the language that are not built yet.
    later: ClassVar[frozenset[str]] = frozenset()

    _source: Mapped

    @model_validator(mode="wrap")
    @classmethod
    def _place(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if not isinstance(data, Mapped):
            raise refusal(f"should be a mapping, not {shown(data)}")
        problems = _problems(info)
        known = {item.alias or name for name, item in cls.model_fields.items()}
        for key in data:
            if key in cls.later:
                problems.add(data.at(key), f"`{key}` is not supported yet")
            elif key not in known:
                problems.add(data.at(key), f"unknown key `{key}`{did_you_mean(key, known)}")
        made = handler(data.without(*(key for key in data if key not in known)))
        made._source = data
        return made

    def at(self, key: str = "") -> Place:
        """Where a key stands in the file, or the whole mapping."""
        return self._source.at(key)

    def gives(self, key: str) -> bool:
        """Whether the file gives the key, be it with its default."""
        return key in self._source

    def tell(self, info: ValidationInfo, message: str, key: str = "") -> None:
        """Report what is wrong with a key and keep the rest: for validators that run after."""
        _problems(info).add(self.at(key), message)


def _problems(info: ValidationInfo) -> Problems:
    """The problems found so far: the context that validation was given."""
    assert isinstance(info.context, Problems)
    return info.context


def refusal(message: str) -> PydanticCustomError:
    """An error whose message is meant for the author of the book."""
    return PydanticCustomError("refused", "{message}", {"message": message})


def later(name: str) -> PydanticCustomError:
    return refusal(f"`{name}` is not supported yet")


class Kinds:
    """How the shapes of a union are told apart: by the one key that names the kind.

    ``kinds`` maps that key to the tag of the shape. Tags are in angle brackets, so that they cannot be
    mistaken for keys in the path of an error.
    """

    def __init__(self, what: str, kinds: Mapping[str, str], later: Collection[str], *, example: str) -> None:
        self.what = what
        self.kinds = kinds
        self.later = later
        self.example = example
        #: Metadata of the union: ``discriminator`` first, then ``check``, which thus runs before it.
        self.discriminator = Discriminator(self._tag)
        self.check = WrapValidator(self._check)

    def _tag(self, data: Any) -> str:
        return next(self.kinds[key] for key in data if key in self.kinds)

    def _check(self, data: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        if not isinstance(data, Mapped):
            raise refusal(f"a {self.what} is a mapping such as `{self.example}`, not {shown(data)}")
        given = [key for key in data if key in self.kinds]
        if not given:
            raise self._unknown(data)
        if len({self.kinds[key] for key in given}) > 1:
            raise refusal(f"this has {listed(given, 'and')}; a {self.what} is one of them")
        return handler(data)

    def _unknown(self, data: Mapped) -> PydanticCustomError:
        for key in data:
            if key in self.later:
                return later(key)
        hints = (nearest(key, known) for known in (self.kinds, self.later) for key in data)
        hint = next(filter(None, hints), "")
        has = f"it has {listed(data, 'and')}" if data else "it is empty"
        return refusal(f"this is no {self.what}: {has}{hint or f'; write for example `{self.example}`'}")


def leave_out(data: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """Report what is wrong with an item of a list, and go on with the others."""
    if not isinstance(data, Mapped):
        return handler(data)  # it does not know its place; the list does
    try:
        return handler(data)
    except ValidationError as error:
        report(error, data, _problems(info), at=Place(""))
        raise PydanticOmit from None


#: An item of a list that does not keep the others from being looked at.
TOLERANT = WrapValidator(leave_out)


def not_empty(value: Any) -> Any:
    """A list as it is written has items; what is left of it may have none, if all of them are wrong."""
    if value == []:
        raise refusal("should not be empty")
    return value


def one_or_more(value: Any) -> Any:
    """A single item as a list of one."""
    if isinstance(value, list):
        return not_empty(value)
    made = Listed(value.place if isinstance(value, Mapped) else Place(""))
    made.append(value)
    made.lines.append(made.place.line)
    return made


def options_beside(key: str, *options: str) -> BeforeValidator:
    """For a condition that has options beside it: what is no option becomes the value of ``key``."""

    def split(value: Any) -> Any:
        if not isinstance(value, Mapped | Listed):
            return value
        made = Mapped(value.place)
        made[key] = value
        if isinstance(value, Mapped):
            own = [name for name in options if name in value]
            made.lines = {**value.lines}
            made.update((name, value[name]) for name in own)
            made[key] = value.without(*own)
        made.lines[key] = value.place.line
        return made

    return BeforeValidator(split)


def validate[D](validator: Callable[..., D], data: Any, problems: Problems, *, at: Place) -> D | None:
    """``data``, which stands there, as a definition, or None; what is wrong goes to ``problems``."""
    try:
        return validator(data, context=problems)
    except ValidationError as error:
        report(error, data, problems, at=at)
        return None


def report(error: ValidationError, data: Any, problems: Problems, *, at: Place) -> None:
    """Add what pydantic found wrong with ``data``, in our words and at its place."""
    for details in error.errors(include_url=False):
        place, key = _find(data, details["loc"], at)
        problems.add(place, _sentence(details, key))


def _find(data: Any, path: Sequence[int | str], place: Place) -> tuple[Place, str]:
    """Where an error's path leads, and the last key on it.

    What is not in the data is a tag of a union, or the missing key itself.
    """
    if isinstance(data, Mapped):
        place = data.place
    key = ""
    for part in path:
        if isinstance(data, Mapped) and isinstance(part, str) and part in data:
            place, key, data = data.at(part), part, data[part]
        elif isinstance(data, Listed) and isinstance(part, int):
            place, data = Place(place.file, data.lines[part] or place.line), data[part]
    return place, key


def _sentence(details: ErrorDetails, key: str) -> str:
    """What pydantic says, in the words of a book's author."""
    given = details["input"]
    kind = details["type"]
    subject = f"`{key}` " if key else ""
    if kind == "missing":
        return f"`{details['loc'][-1]}` is missing"
    if kind == "refused":
        message = str(details["ctx"]["message"])
        return f"{subject}{message}" if message.startswith("should ") else message
    if kind == "literal_error":
        expected = [name.strip().strip("'") for name in _alternatives(details["ctx"]["expected"])]
        hint = nearest(given, expected) if isinstance(given, str) else ""
        if given in expected:
            return f"{subject}should be {listed(expected)} without quotes"
        return f"{subject}should be {listed(expected)}, not {shown(given)}{hint}"
    if kind in _WANTED:
        return f"{subject}should be {_WANTED[kind]}, not {shown(given)}"
    return f"{subject}is not valid: {details['msg']}"


def _alternatives(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(", ")


_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
}


def shown(value: Any) -> str:
    """A value as an error message shows it."""
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"the number `{value}`"
    text = str(value)
    return f"`{text if len(text) <= 60 else text[:59] + '…'}`"
