"""The words that signs bear, and how their letters are drawn: as strokes, without a font file."""

from functools import lru_cache
from itertools import pairwise
from random import Random

import numpy as np

from reference_model.world.rich.shapes import Point, stroke

SHORTEST, LONGEST = 2, 8
_LISTED = 0.6  # of the words; the others are random letters, so that spelling can be learnt letter by letter
_RANDOM_LENGTHS = ((2, 3, 4, 5, 6), (2, 4, 4, 2, 1))

_WORDS = """
    ON GO HI UP NO OK IN AT BY MY WE US SO DO TO OF IT BE
    CAT DOG SUN BUS TEA ZOO RED ICE CAR HAT JAM KEY MAP NUT OWL PEN PIE SEA SKY VAN WAX YES BAR BED BOX CUP DAY EGG
    FUN GAS HOT INN JOB LAB NEW OUT PET RUN SPA TOY WAY WET ART BIG BUY DRY EAT END FIX FLY FOX GYM HUB LOW MUD OIL
    BOAT STOP OPEN FISH STAR MILK HOME CLUB SNOW LION BAKE BANK BEAR BIKE BIRD BLUE BOOK CAFE CAKE CAVE CITY COLD CORN
    DARK
    DEER DOOR DOWN DUCK EAST EXIT FAIR FARM FAST FIRE FLAG FOOD FREE FROG GAME GIFT GOLD GOOD HALL HAND HELP HERO HILL
    HOPE
    IDEA IRON JAZZ JUMP KIND KING KITE LAKE LATE LEFT LIFE LOVE LUCK MEET MOON NEST NEXT NOON OVEN PARK PATH PLAY POOL
    PORT QUIZ RAIN REST RICE RING ROAD ROCK ROOM ROSE SALE SALT SAND SHIP SHOE SHOP SING SLOW SOAP SOFT SOUP SWIM TIME
    TOWN
    TREE WAIT WALK WARM WAVE WEST WILD WIND WINE WOOD YARD ZERO
    APPLE BEACH BREAD BRICK CANDY CHAIR CHESS CLOCK CLOUD DANCE DREAM DRINK EARTH FIELD FLOOR FRESH FRUIT GLASS GRAND
    GRAPE
    GREEN HAPPY HEART HELLO HONEY HORSE HOTEL HOUSE JUICE KNIFE LEMON LIGHT LUNCH MAGIC METAL MOUSE MUSIC NIGHT NORTH
    OCEAN
    PAINT PAPER PARTY PEACE PIANO PILOT PIZZA PLANT QUEEN QUIET RADIO RIGHT RIVER ROBOT SALAD SHEEP SMILE SOUTH SPACE
    SPOON
    STONE STORE STORM SUGAR SWEET TABLE TIGER TOAST TODAY TOWER TRAIN TRUCK VIDEO WATER WHALE WHITE WORLD YOUTH ZEBRA
    BAKERY BANANA BRIDGE BUTTER CAMERA CASTLE CHEESE CHERRY CINEMA CLOSED COFFEE DANGER DINNER FLOWER FOREST FRIEND
    GARDEN
    GUITAR HAMMER ISLAND JUNGLE LADDER LIZARD MARKET MIRROR MUSEUM ORANGE PALACE PARROT PENCIL PLANET POCKET RABBIT
    ROCKET
    SCHOOL SILVER SPRING STREET SUMMER SUNSET TEMPLE TICKET TOMATO TURTLE VALLEY VIOLIN WINDOW WINTER YELLOW
    AIRPORT BALLOON BICYCLE BLANKET CABBAGE CAPTAIN CHICKEN CIRCLES COTTAGE DOLPHIN EVENING EXPRESS FACTORY FEATHER
    GALLERY
    HARBOUR HOLIDAY JOURNEY KITCHEN LIBRARY MORNING MYSTERY OCTOPUS PENGUIN PICTURE PUMPKIN RAINBOW STATION TEACHER
    THUNDER TRAFFIC UNICORN VILLAGE WEATHER WELCOME WHISTLE
    AIRPLANE BIRTHDAY BUILDING CAMPFIRE CHILDREN DAYLIGHT DINOSAUR ELEPHANT FOOTBALL HOSPITAL KANGAROO LEMONADE MOUNTAIN
    NOTEBOOK PARADISE PHARMACY POSTCARD SANDWICH SNOWBALL SUNSHINE SWIMMING TOMORROW TREASURE UMBRELLA VACATION
"""
WORDS: tuple[str, ...] = tuple(_WORDS.split())

# Strokes on a 2 x 4 grid (x 0..2, y 0..4, y downwards).
LETTERS: dict[str, tuple[tuple[Point, ...], ...]] = {
    "A": (((0, 4), (0.85, 0), (1.15, 0), (2, 4)), ((0.3, 2.7), (1.7, 2.7))),
    "B": (((0, 0), (0, 4), (1.5, 4), (2, 3.4), (2, 2.6), (1.4, 2), (0, 2)), ((1.4, 2), (1.8, 1.5), (1.8, 0.6), (1.4,
    0), (0, 0))),
    "C": (((2, 0.8), (1.5, 0), (0.5, 0), (0, 0.8), (0, 3.2), (0.5, 4), (1.5, 4), (2, 3.2)),),
    "D": (((0, 0), (0, 4), (1.2, 4), (2, 3.1), (2, 0.9), (1.2, 0), (0, 0)),),
    "E": (((2, 0), (0, 0), (0, 4), (2, 4)), ((0, 2), (1.6, 2))),
    "F": (((2, 0), (0, 0), (0, 4)), ((0, 2), (1.6, 2))),
    "G": (((2, 0.8), (1.5, 0), (0.5, 0), (0, 0.8), (0, 3.2), (0.5, 4), (1.5, 4), (2, 3.4), (2, 2.1), (1.1, 2.1)),),
    "H": (((0, 0), (0, 4)), ((2, 0), (2, 4)), ((0, 2), (2, 2))),
    "I": (((1, 0), (1, 4)), ((0.4, 0), (1.6, 0)), ((0.4, 4), (1.6, 4))),
    "J": (((2, 0), (2, 3.3), (1.5, 4), (0.5, 4), (0, 3.3), (0, 2.8)),),
    "K": (((0, 0), (0, 4)), ((2, 0), (0.1, 2), (2, 4))),
    "L": (((0, 0), (0, 4), (2, 4)),),
    "M": (((0, 4), (0, 0), (1, 2.2), (2, 0), (2, 4)),),
    "N": (((0, 4), (0, 0), (2, 4), (2, 0)),),
    "O": (((0.6, 0), (0, 0.9), (0, 3.1), (0.6, 4), (1.4, 4), (2, 3.1), (2, 0.9), (1.4, 0), (0.6, 0)),),
    "P": (((0, 4), (0, 0), (1.5, 0), (2, 0.6), (2, 1.6), (1.5, 2.2), (0, 2.2)),),
    "Q": (((0.6, 0), (0, 0.9), (0, 3.1), (0.6, 4), (1.4, 4), (2, 3.1), (2, 0.9), (1.4, 0), (0.6, 0)), ((1.1, 2.7),
    (2.1, 4.2))),
    "R": (((0, 4), (0, 0), (1.5, 0), (2, 0.6), (2, 1.5), (1.5, 2.1), (0, 2.1)), ((1, 2.1), (2, 4))),
    "S": (((2, 0.7), (1.5, 0), (0.5, 0), (0, 0.7), (0, 1.4), (2, 2.6), (2, 3.3), (1.5, 4), (0.5, 4), (0, 3.3)),),
    "T": (((0, 0), (2, 0)), ((1, 0), (1, 4))),
    "U": (((0, 0), (0, 3.2), (0.6, 4), (1.4, 4), (2, 3.2), (2, 0)),),
    "V": (((0, 0), (1, 4), (2, 0)),),
    "W": (((0, 0), (0.4, 4), (1, 1.6), (1.6, 4), (2, 0)),),
    "X": (((0, 0), (2, 4)), ((2, 0), (0, 4))),
    "Y": (((0, 0), (1, 2.1), (2, 0)), ((1, 2.1), (1, 4))),
    "Z": (((0, 0), (2, 0), (0, 4), (2, 4)),),
}  # fmt: skip

_GLYPH = 0.66  # of the width that a letter has; the rest parts it from the next
_TALLEST = 1.75  # a letter's height, at most, in widths of its place
_THICKNESS = 0.15  # of a stroke, in widths of a letter's place
_MARGIN = 0.06  # of the board's width, on either side


def sample_word(random: Random) -> str:
    """A word for a sign."""
    if random.random() < _LISTED:
        return random.choice(WORDS)
    length = random.choices(*_RANDOM_LENGTHS)[0]
    return "".join(random.choice(sorted(LETTERS)) for _ in range(length))


def letter_places(width: float, length: int) -> list[float]:
    """Where the middles of a word's letters are on a board of this width, from the middle of the board."""
    place = width * (1 - 2 * _MARGIN) / max(length, 4)  # short words are not blown up
    return [place * (i - (length - 1) / 2) for i in range(length)]


@lru_cache(maxsize=512)
def lettering(word: str, width: float, height: float) -> tuple[np.ndarray, ...]:
    """The polygons (N, 2) of a word's strokes, on a board of this size around (0, 0)."""
    places = letter_places(width, len(word))
    place = places[1] - places[0]
    wide, tall = _GLYPH * place, min(0.74 * height, _TALLEST * place)
    thickness = min(_THICKNESS * place, 0.1 * height)
    found = []
    for letter, middle in zip(word, places, strict=True):
        for line in LETTERS[letter]:
            points = [(middle + (x / 2 - 0.5) * wide, (y / 4 - 0.5) * tall) for x, y in line]
            found += [_segment(a, b, thickness) for a, b in pairwise(points)]
    return tuple(found)


def _segment(start: Point, end: Point, thickness: float) -> np.ndarray:
    """A straight stroke whose ends are longer by half its thickness, so that strokes meet in full corners."""
    a, b = np.array(start), np.array(end)
    along = (b - a) / max(1e-9, float(np.linalg.norm(b - a))) * thickness / 2
    return np.array(stroke("", thickness, tuple(a - along), tuple(b + along)).points)
