"""The server: `streamlit run app.py` serves the console, its health probes, and starts the runner beside it."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from pages.ui.server import Guard, explain, lifespan, live, metrics, open_or_end, ready
from pages.ui.signpost import Signpost

open_or_end()
app = st.App(
    "pages/router.py",
    lifespan=lifespan,
    routes=[Route("/healthz/live", live), Route("/healthz/ready", ready), Route("/healthz", ready), Route("/metrics", metrics)],
    middleware=[Middleware(Guard), Middleware(Signpost)],
    on_script_error=explain,
)
