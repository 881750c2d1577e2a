"""The pages that raters and admins see, and the server behind them."""
