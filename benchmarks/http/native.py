"""The measured application on data_bridge: common routes and two `crud` resources."""

import os

from common import Note, add_routes
from data_bridge import App
from models import Country

app = App(store=f"sqlite:///{os.environ['BENCH_DIRECTORY']}/native.db")
add_routes(app)
app.crud(Country, key="alpha_2")
app.crud(Note)
