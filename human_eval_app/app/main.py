"""The Streamlit script, run for every message of a browser: which page its address belongs to."""

import streamlit as st

from human_eval_app.app.rater.rate import rate_page
from human_eval_app.app.tokens import TOKEN


def admin() -> None:
    """The admin page, imported when it is asked for."""
    from human_eval_app.app.admin.page import admin_page

    admin_page()


st.set_page_config(page_title="Comparing images", page_icon="🖼️", layout="wide", initial_sidebar_state="collapsed")
pages = [st.Page(rate_page, title="Comparing images", default=True)]
signed_in = TOKEN not in st.query_params and st.user.to_dict().get("is_logged_in", False)
if signed_in or (st.context.url or "").rstrip("/").endswith("/admin"):  # raters are not told that there is another page
    pages.append(st.Page(admin, title="Administration", url_path="admin"))
page = st.navigation(pages, position="hidden")
if signed_in and page is pages[0]:  # an identity provider sends everybody back to the root
    st.switch_page(pages[1])
page.run()
