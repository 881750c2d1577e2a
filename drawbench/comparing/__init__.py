"""Two runs compared: paired differences, and whether they are more than noise."""
