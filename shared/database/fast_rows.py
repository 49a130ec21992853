"""Rows made quickly: SQLModel's own way sets every field twice, and takes a quarter of the time of a submission."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic.fields import FieldInfo
from sqlalchemy.orm import class_mapper, make_transient_to_detached
from sqlmodel import SQLModel

Row = TypeVar("Row", bound=SQLModel)

SHARED = (type(None), bool, int, float, str)


def new_row(model: type[Row], **values: Any) -> Row:
    """What `model(**values)` makes of values that are known to fit. It may be added to a session likewise."""
    row: Row = class_mapper(model).class_manager.new_instance()
    given, made = defaults_of(model)
    row.__dict__.update(given, **{name: make() for name, make in made.items() if name not in values})
    row.__dict__.update(values)
    row.__pydantic_fields_set__.update(values)
    return row


def stored_row(model: type[Row], columns: Mapping[str, Any]) -> Row:
    """A row of the database whose columns are all known, as a session would leave it behind."""
    row: Row = class_mapper(model).class_manager.new_instance()
    names = attributes_of(model)
    row.__dict__.update({names[name]: value for name, value in columns.items()})
    make_transient_to_detached(row)
    return row


@cache
def attributes_of(model: type[SQLModel]) -> Mapping[str, str]:
    """The attribute that holds each column, by the column's name."""
    return {attribute.columns[0].name: attribute.key for attribute in class_mapper(model).column_attrs}


@cache
def defaults_of(model: type[SQLModel]) -> tuple[Mapping[str, Any], Mapping[str, Callable[[], Any]]]:
    """The defaults that all rows can share, and what makes each of the others, by field."""
    fields = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    shared = {name for name, field in fields.items() if isinstance(field.default, SHARED) and not field.default_factory}
    return (
        {name: fields[name].default for name in shared},
        # Called here, as pydantic looks each time whether a factory takes parameters, which takes longer than all else.
        # Ours take none.
        {name: made_by(fields[name]) for name in fields.keys() - shared},
    )


def made_by(field: FieldInfo) -> Callable[[], Any]:
    return cast("Callable[[], Any]", field.default_factory or field.get_default)
