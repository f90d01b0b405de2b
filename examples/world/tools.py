"""Ordinary FastAPI: a router with typed parameters, a body, a dependency and an error."""

from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, Field

router = APIRouter(prefix="/tools", tags=["tools"])

EARTH_RADIUS_KM = 6371.0088
KM_PER = {"km": 1.0, "mi": 1.609344, "nmi": 1.852}


class Distance(BaseModel):
    """A length on the surface of the earth."""

    value: float
    unit: Literal["km", "mi", "nmi"]


@router.get("/distance/{latitude}/{longitude}")
async def distance(
    latitude: float,
    longitude: float,
    to_latitude: Annotated[float, Query(ge=-90, le=90)],
    to_longitude: Annotated[float, Query(ge=-180, le=180)],
    unit: Literal["km", "mi", "nmi"] = "km",
) -> Distance:
    """The great-circle distance between two places, by the haversine formula."""
    half_latitude = radians(to_latitude - latitude) / 2
    half_longitude = radians(to_longitude - longitude) / 2
    chord = sin(half_latitude) ** 2 + cos(radians(latitude)) * cos(radians(to_latitude)) * sin(half_longitude) ** 2
    return Distance(value=round(2 * EARTH_RADIUS_KM * asin(sqrt(chord)) / KM_PER[unit], 3), unit=unit)


@router.get("/flag/{alpha_2}", responses={404: {"description": "Not two letters"}})
def flag(alpha_2: str) -> dict[str, str]:
    """The flag of a country's two letters; a sync handler, so it runs on a worker thread."""
    letters = alpha_2.upper()
    if len(letters) != 2 or not (letters.isascii() and letters.isalpha()):
        raise HTTPException(status_code=404, detail=f"{alpha_2!r} are not two letters")
    return {"alpha_2": letters, "flag": "".join(chr(0x1F1E6 + ord(letter) - ord("A")) for letter in letters)}


class Stop(BaseModel):
    """A place on a journey."""

    subdivision: str = Field(pattern="^[A-Z]{2}-[A-Z0-9]{1,3}$")
    nights: int = Field(default=1, ge=0, le=365)


class Journey(BaseModel):
    """A journey through some subdivisions."""

    title: str = Field(min_length=1, max_length=80)
    starts_at: datetime
    stops: list[Stop] = Field(min_length=1)
    budget: float | None = Field(default=None, gt=0)


@router.post("/journey", responses={400: {"description": "The body is not in Unicode"}})
async def journey(journey: Journey) -> Journey:
    """Check a journey and return it as it was understood."""
    return journey


class Window(BaseModel):
    """A part of a list."""

    offset: int
    limit: int


def window(offset: Annotated[int, Query(ge=0)] = 0, limit: Annotated[int, Query(ge=1, le=50)] = 10) -> Window:
    """What `offset` and `limit` ask for."""
    return Window(offset=offset, limit=limit)


@router.get("/alphabet")
async def alphabet(part: Annotated[Window, Depends(window)]) -> list[str]:
    """Some of the letters that country codes are made of."""
    return [chr(letter) for letter in range(ord("A"), ord("Z") + 1)][part.offset : part.offset + part.limit]
