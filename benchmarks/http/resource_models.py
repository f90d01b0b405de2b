"""What the measured resources consist of: five columns."""

from datetime import datetime

from pydantic import BaseModel, Field


class Item(BaseModel):
    """One of a shop's."""

    id: int | None = None
    name: str = Field(min_length=1, max_length=100)
    price: float = Field(ge=0)
    stars: int = Field(default=0, ge=0, le=5)
    made: datetime
