"""Which metric sides with people: ratings and scores of the same images, and how far they agree."""
