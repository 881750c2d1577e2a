"""All the objects of the rich world, by name."""

from functools import cache

from reference_model.world.rich.animals import ANIMALS
from reference_model.world.rich.figures import Figure, figure_of
from reference_model.world.rich.food import FOOD
from reference_model.world.rich.homes import HOMES
from reference_model.world.rich.nature import FORMS, PLANTS
from reference_model.world.rich.shapes import Recipe
from reference_model.world.rich.things import CARRIERS, THINGS
from reference_model.world.rich.vehicles import VEHICLES

FAMILIES: dict[str, dict[str, Recipe]] = {
    "animals": ANIMALS,
    "food": FOOD,
    "vehicles": VEHICLES,
    "homes": HOMES,
    "plants": PLANTS,
    "things": THINGS,
    "shapes": FORMS,
}
OBJECTS: dict[str, Recipe] = {name: recipe for family in FAMILIES.values() for name, recipe in family.items()}
WRITTEN_ON: tuple[str, ...] = tuple(
    CARRIERS
)  # a sign and a shop: only they bear words, and only with a word are they drawn


@cache
def figure(name: str) -> Figure:
    """The figure of an object, or of what words are written on."""
    return figure_of(CARRIERS.get(name) or OBJECTS[name])
