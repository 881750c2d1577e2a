"""The files of a study's folder that people read: README.md and settings.toml."""

import secrets

from human_eval_app.study.design import Design
from human_eval_app.study.expected import detection_text

README = "README.md"
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without those that are taken for another
CODE_LENGTH = 8
ENDINGS = ("complete", "screened_out", "partial", "closed", "full")

SETTINGS = """\
# Settings of this deployment. They change nothing that raters judge, so they are no part of the design and may be
# changed at any time; the server reads them when it starts.

title = ""             # above every page; empty: the text of the rater's language. It must not tell a model.
contact = ""           # whom raters may ask, such as an address; empty: none is shown
lease_minutes = 30     # a place is given to another rater when its own was away for so long
invitation_days = 60   # how long a link works
patience_seconds = 20  # how long an answer waits for a database that is away, before its rater is asked again
seconds_per_trial = 20 # for the estimate of the time that raters read first
connections_per_address = 1000 # open at once; a lab's raters may share an address, and so do all who come by a proxy
base_path = ""         # what the app's addresses begin with beside other pages of a host, as /study
return_url = ""        # of the recruitment service; {{code}} stands for the completion code

[codes]                # completion codes, shown at the end; the recruitment service needs the same ones
complete = "{complete}"
screened_out = "{screened_out}"
partial = "{partial}"   # stopped, or away for so long that the place was given to another
closed = "{closed}"    # the study was closed before the rater's end
full = "{full}"      # came when no place was left

[recruitment]          # of links that `study invite --for prolific` and `--for mturk` make
new_per_minute = 60    # sittings that may begin by one link within a minute
allowed_ids = ""       # a file in this folder with one id per line: nobody else may come in; empty: everybody
shared_secret = ""     # links then carry sig, the HMAC-SHA256 of the id with it in hexadecimal; empty: they need not

# Who may open /admin: whoever knows the password that `drawbench study password` sets, or signs in (OIDC) with one of
# these addresses. This part is read anew at every visit.
# [admin]
# emails = ["lab@example.org"]
"""


def settings_text() -> str:
    """settings.toml of a new study, with completion codes of its own."""
    return SETTINGS.format(**{ending: new_code() for ending in ENDINGS})


def readme_text(design: Design) -> str:
    """README.md: what the study is, how it departs from the paper's, and what it can detect."""
    seats = sum(len(panel.seats) for panel in design.panels)
    marked = "\n**Simulated raters: its results say nothing about people.**\n" if design.raters == "simulated" else ""
    departures = "\n".join(f"- {departure}" for departure in design.departures) or "None."
    return f"""# Study {design.name}
{marked}
{facts_text(design)}

{seats} raters, {screens_text(design)}. Design {design.sha256}.

## Departures from the paper's protocol

{departures}

## What it can detect

{detection_text(design)}

## Files

- `design.json`: all that raters will see, fixed; a changed file is refused
- `images/`: what raters load, under names that tell nothing
- `secret.key`: signs raters' links; whoever has it can make links, and without it those made are void
- `settings.toml`: completion codes, contact; may be changed
"""


def facts_text(design: Design) -> str:
    """What is compared, in one sentence."""
    labels = [model.label for model in design.models]
    prompts = design.prompt_set
    on_side = f"{design.samples} image{'s' if design.samples > 1 else ''} of {design.image_size} px on a side"
    return (
        f"{design.type}: {' and '.join(labels)} on {prompts.n} prompts of {prompts.name}, {on_side}, {design.encoder}."
    )


def screens_text(design: Design) -> str:
    """How many screens a rater sees."""
    screens = [len(seat.order) + len(design.training) for panel in design.panels for seat in panel.seats]
    return (
        f"{min(screens)} screens each" if min(screens) == max(screens) else f"{min(screens)} to {max(screens)} screens"
    )


def new_code() -> str:
    """A completion code that nobody guesses."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
