"""The two resources: countries (ISO 3166-1) and their subdivisions (ISO 3166-2)."""

from pydantic import BaseModel, Field


class Country(BaseModel):
    """A country, named by its two letters."""

    alpha_2: str = Field(pattern="^[A-Z]{2}$", examples=["NO"])
    alpha_3: str = Field(pattern="^[A-Z]{3}$", examples=["NOR"])
    numeric: str = Field(pattern="^[0-9]{3}$", examples=["578"])
    name: str = Field(min_length=1, max_length=100, examples=["Norway"])
    official_name: str | None = Field(default=None, max_length=200, examples=["Kingdom of Norway"])
    common_name: str | None = Field(default=None, max_length=100)
    flag: str = Field(min_length=1, max_length=8, examples=["🇳🇴"])


class Subdivision(BaseModel):
    """A state, province, county ... of a country."""

    code: str = Field(pattern="^[A-Z]{2}-[A-Z0-9]{1,3}$", examples=["NO-03"])
    country: str = Field(pattern="^[A-Z]{2}$", examples=["NO"])
    name: str = Field(min_length=1, max_length=200, examples=["Oslo"])
    type: str = Field(min_length=1, max_length=100, examples=["County"])
    parent: str | None = Field(default=None, pattern="^[A-Z]{2}-[A-Z0-9]{1,3}$")
