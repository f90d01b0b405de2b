"""The measured resources on data_bridge."""

import os
from typing import Any

from pydantic import field_validator

from data_bridge import App
from resource_models import Item

app = App(store=f"sqlite:///{os.environ['BENCH_DIRECTORY']}/native.db")


class Checked(Item):
    """With a validator, so that Python makes each item."""

    @field_validator("name")
    @classmethod
    def _stripped(cls, value: Any) -> Any:
        return value.strip()


app.crud(Item, indexes=["price"])
app.crud(Checked, path="/checked")
