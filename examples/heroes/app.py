"""The application of FastAPI's SQL tutorial, its four models and six endpoints, as one model."""

from pydantic import BaseModel, Field

from data_bridge import App

app = App(store="sqlite:///heroes.db")


@app.crud(indexes=["name", "age"])
class Hero(BaseModel):
    """Its secret name is stored, and never answered."""

    id: int | None = None
    name: str
    age: int | None = None
    secret_name: str = Field(exclude=True)
