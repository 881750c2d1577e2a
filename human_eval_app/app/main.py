"""The Streamlit script, run for every message of a browser: which page its address belongs to."""

import streamlit as st

from human_eval_app.app.rate import rate_page

st.set_page_config(page_title="Comparing images", page_icon="🖼️", layout="wide", initial_sidebar_state="collapsed")
st.navigation([st.Page(rate_page, title="Comparing images", default=True)], position="hidden").run()
