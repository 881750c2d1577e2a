"""How models are asked: VQAScore's own questions (Lin et al. 2024), and the questions of a file."""

from collections.abc import Sequence
from dataclasses import dataclass

YES_NO = frozenset({"yes", "no"})


@dataclass(frozen=True)
class Template:
    """Words around a prompt or a question.

    figure: what VQAScore asks of a prompt; its authors' words for this kind of model. yes, no: the answers, as the
    model spells them. yes_no, choice: around a question of a file that is answered by these, or by one of several.
    """

    figure: str
    yes: str
    no: str
    yes_no: str
    choice: str

    def of_prompt(self, prompt: str) -> str:
        """VQAScore's question."""
        return self.figure.format(prompt)

    def of_question(self, question: str, choices: Sequence[str]) -> str:
        """A question of a file, with the answers to choose from."""
        if set(choices) == YES_NO:
            return self.yes_no.format(question)
        return self.choice.format(question, ", ".join(choices))

    def spelt(self, choices: Sequence[str]) -> list[str]:
        """The choices as this model writes them: yes and no in its own way, all others as they are."""
        return [{"yes": self.yes, "no": self.no}[choice] if set(choices) == YES_NO else choice for choice in choices]


# The words of VQAScore's authors for chat models.
CHAT = Template(
    'Does this figure show "{}"? Please answer Yes or No.',
    "Yes",
    "No",
    "{} Please answer Yes or No.",
    "{} Please answer with one of these: {}.",
)
# Theirs for InstructBLIP, and DSG's authors' for choices.
PLAIN = Template(
    'Question: Does this figure show "{}"? Please answer yes or no.',
    "yes",
    "no",
    "Question: {} Please answer yes or no.",
    "Question: {} Choices: {}. Answer:",
)
# Theirs for CLIP-FlanT5. BLIP's answers are not told what to choose from, as in TIFA.
BLIP = Template('Does this figure show "{}"? Please answer yes or no.', "yes", "no", "{}", "{}")
