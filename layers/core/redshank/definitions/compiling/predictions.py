"""Can the models of ``models.yaml`` be trained from what the book knows?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from redshank.definitions.compiling.conditions import Conditions, Scope
from redshank.definitions.models.conditions import EventCondition, parts
from redshank.definitions.models.prediction import Model

_PREDICT = Scope(called="`predict`", has_event=False)
_WINDOWS = ("within", "ago", "during")


def check_models(models: Mapping[str, Model], conditions: Conditions) -> None:
    """Report what is wrong with the models. None is trained, so they leave nothing in the book."""
    # What is asked of the future is not kept of the past.
    asking = replace(conditions, measures={})
    for model in models.values():
        asking.compile(model.predict, _PREDICT)
        for part in parts(model.predict):
            if isinstance(part, EventCondition):
                for name in _WINDOWS:
                    if getattr(part, name) is not None:
                        message = (
                            f"`{name}` is of no use here: what is predicted happens within the `horizon`"
                        )
                        conditions.problems.add(part.at(name), message)
        if model.event is not None:
            conditions.declared.events([model.event], model.at("at"))
        for name in model.features:
            conditions.named.refer(name, model.at("from"))
