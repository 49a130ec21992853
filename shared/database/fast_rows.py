"""Rows made quickly: SQLModel's own way sets every field twice, and takes a quarter of the time of a submission."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from pydantic.fields import FieldInfo
from sqlalchemy.orm import Mapper, class_mapper
from sqlalchemy.orm.attributes import instance_state
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


def stored_row_of(model: type[Row], columns: Sequence[str]) -> Callable[..., Row]:
    """What makes a row of the database of the values of all its columns, in this order, as a session would leave it
    behind."""

    @cache
    def places() -> tuple[Mapper[Row], Sequence[str], Sequence[int]]:
        # Asked for with the first row: by then all tables are known, which the mapper has to be.
        mapper = class_mapper(model)
        attributes = attributes_of(model)
        names = [attributes[name] for name in columns]
        assert set(names) == set(mapper.attrs.keys()), "what is not known would be read when it is looked at"
        return mapper, names, [columns.index(column.name) for column in mapper.primary_key]

    def made(*values: Any) -> Row:
        mapper, names, keys = places()
        row: Row = mapper.class_manager.new_instance()
        row.__dict__.update(zip(names, values, strict=True))
        # As make_transient_to_detached does, which looks for attributes that are not known: here are none.
        instance_state(row).key = mapper.identity_key_from_primary_key(tuple(values[place] for place in keys))
        return row

    return made


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
