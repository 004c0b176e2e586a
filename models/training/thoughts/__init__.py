"""Training examples about thoughts, made from grammars: the tasks "extract", "decide" and "answer".

- ``grammar``: the notation, and verbs that agree. ``values``, ``people``, ``dates``: what is filled in. ``draw``: the
  choices of one example. ``typos``: slips of the keyboard that spare what an answer copies.
- ``slots_life``, ``slots_self``, ``slots_taste``, ``slots_many``, ``slots_care``: how people say, ask and take back
  what is known of them. ``events``, ``stories``, ``chats``, ``nothing``: more turns, and what there is to remember in
  them. ``pairs``, ``qa``: old and new thoughts, notes and questions. ``phrases`` reads all these; every line is a
  family of phrasings, and belongs to one split.
- ``notes``: what "decide" and "answer" have in common. ``extract``,
  ``decide``, ``answer``: the examples. ``python -m bethink.models.training.thoughts`` prints some.

Everything depends on the seed alone.
"""

from bethink.models.relations import RELATIONS
from bethink.models.training.thoughts.answer import TOOLS
from bethink.models.training.thoughts.generate import TASKS, families, generate
from bethink.models.training.thoughts.phrases import SPLITS, split_of

__all__ = ["RELATIONS", "SPLITS", "TASKS", "TOOLS", "families", "generate", "split_of"]
