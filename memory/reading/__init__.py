"""What an English sentence says of the lives of its speaker and of others. No model is asked, nothing is stored.

Read in this order:

- ``sentences``: sentences and clauses of a text, and which of them state something.
- ``claims``: which words of a sentence are claimed to be so now; quotes, questions, wishes and the past are blanked.
- ``subjects``: who a statement is about, as its grammar says. ``mentions``: the same for any part of a sentence.
- ``relations``: a verb phrase that fills a whole statement, as (relation, object).
- ``slots``: the one-valued things (home, job, age) wherever a sentence names them. Found in ``slots_by_verb`` (the
  table of verb phrases), ``slots_by_noun`` ("my new boss is X") and ``slots_by_cue`` ("X hired me");
  ``slot_types`` checks that a value is of its kind, ``values`` lists the kinds, ``slot_guards`` drops what does not
  last.
- ``meaning``: the relation whose prototype phrases a text is nearest to. ``candidates``: all values of a relation's
  kind in a sentence. ``evidence``: signs that a sentence changes something known, for :mod:`bethink.memory.updating`.

:mod:`bethink.memory.rule_extract` makes facts of all this.
"""
