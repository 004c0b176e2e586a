"""Calls whose argument stands in a recalled note: a customer's id, the usual file, somebody's taste."""

from __future__ import annotations

import random

from bethink.models.agent_prompts import call_text, chat_prompt, with_notes
from bethink.models.training.calls.grammar import Again, Draw, plain
from bethink.models.training.calls.notes import noted, some_notes
from bethink.models.training.calls.requests import behind, draw_for
from bethink.models.training.calls.schema import canonical
from bethink.models.training.calls.toolbox import offered
from bethink.models.training.calls.typing_style import styled, tidy
from bethink.models.training.examples import Example

WAYS: dict[str, tuple[str, str, str]] = {
    "customer.1": ("recommend", "The user's customer {number|id} {is|in the log is} <customer>.", "Recommend me something from <file:table> by the log <file:table:log>."),
    "customer.2": ("recommend", "The user is {known in the log as|customer} <customer>{ in the shop|}.", "What would I like in <file:table>? The log is <file:table:log>."),
    "customer.3": ("recommend", "<other>'s customer id is <customer>.", "<other2> wants something from <file:table>, going by <file:table:log>. {Recommend <k> things|What do you suggest}?"),
    "shop.1": ("recommend", "The user's {catalogue|product list|shop list} is <file:table>.", "{Recommend|Pick} {me |}{<k> things|something} from my {catalogue|list}."),
    "shop.2": ("search_catalog", "The user's {catalogue|product list|inventory} is {the file |}<file:table>.", "{Is there|Do we have} a <text:qthing:query> in my {catalogue|inventory}?"),
    "shop.3": ("search_catalog", "The user keeps {the inventory|all products} in <file:table>.", "{Search|Look in} {our|my} usual {file|catalogue} for <text:qthing:query>."),
    "log.1": ("allocate_budget", "The user's campaign log is <file:table>.", "{Allocate|Plan} <budget> {of coupons |}from {my|our} campaign log<more>."),
    "log.2": ("allocate_budget", "The user's usual budget is <budget>.", "{Plan|Allocate} {my|our} usual budget{, please|} from <file:table>."),
    "log.3": ("budget_curve", "The user's campaign data are in <file:table>.", "What would <money:budgets> bring, by my campaign data?"),
    "log.4": ("evaluate_policy", "The user's last campaign is in <file:table>.", "By my last campaign: what if everybody got <otherwise>?"),
    "log.5": ("allocate_budget", "In the user's company the coupon budget must {never be exceeded|always hold}^guarantee=\"hard\"^.", "{Allocate|Plan} <budget> {for|of} coupons under our {usual |}rule on overspending."),
    "log.6": ("budget_curve", "The user's target this year is <target> {orders|visits|active users}.", "What's the least budget for my target{, by <file:table>|}?"),
    "sensor.1": ("track_state", "The user's sensor {file|readings are in|data are in} <file:csv>.", "{Track|Filter|Denoise} my sensor {data|readings}<more>."),
    "sensor.2": ("track_state", "The user's sensor has an error of <noise>.", "{Track|Filter} <file:csv> with {my|the} sensor's error as the noise."),
    "sensor.3": ("track_state", "The user always uses <members> ensemble members.", "{Track|Filter} {<system>|<file:csv>} with my usual number of members."),
    "sensor.4": ("track_state", "The user's favourite filter is <filters:one>.", "Run my favourite filter on {<system>|<file:csv>}."),
    "table.1": ("estimate_density", "The user's {table|survey|data} {is|are in|is in} <file:table>.", "{Which rows of my {table|survey|data} are odd|Find outliers in my usual table|Any odd rows in my data}?"),
    "table.2": ("estimate_density", "The user's patients are in <file:table>.", "{Make|Generate} <generate> rows like my patients."),
    "table.3": ("estimate_density", "The user's favourite toy distribution is <toys>.", "Learn the density of my favourite toy{ from <rows> points|}."),
    "taste.1": ("recommend", "The user's {mother|sister|friend} <other> <text:othertaste:taste>.", "{Recommend|Suggest|Find} a {film^domain=\"films\"^|book^domain=\"books\"^} for <other2>."),
    "taste.2": ("recommend", "<other> <text:othertaste:taste>.", "{Which|What} {film^domain=\"films\"^|book^domain=\"books\"^} would <other2> like?"),
    "taste.3": ("recommend", "<other>, the user's {brother|boss|neighbour}, <text:otherfood:taste>.", "<other2> is coming for dinner. What can I cook^domain=\"dishes\"^?"),
    "liked.1": ("recommend", "<other>, a friend of the user, loved <titles:film:liked>.", "{Recommend|Suggest} a film^domain=\"films\"^ for <other2>."),
    "liked.2": ("recommend", "The user's {sister|colleague} <other> liked <titles:book:liked>.", "I need a book^domain=\"books\"^ for <other2>. {Ideas|Which one}?"),
    "k.1": ("recommend", "The user wants lists of <k> items.", "{Recommend|Suggest} some {films^domain=\"films\"^|books^domain=\"books\"^}, a list as long as I usually want."),
    "seed.1": ("track_state", "The user always uses seed <seed>.", "{Track|Follow} <system> with my usual seed."),
}  # fmt: skip
RULES = {
    "othertaste": "{loves|likes|adores} {<adj> <genre>|<genre>|<adj> <genre> with <thing>}{| and {hates|dislikes|can't stand} <genre>}",
    "otherfood": "{loves|likes} <food>{ and {hates|can't eat|doesn't like} <food>|}",
    "toys": "{the checkerboard^toy=\"checkerboard\"^|the swiss roll^toy=\"swiss_roll\"^|the pinwheel^toy=\"pinwheel\"^|rings^toy=\"rings\"^|eight gaussians^toy=\"eight_gaussians\"^}",
}  # fmt: skip


def families() -> tuple[str, ...]:
    """Names of all families."""
    return tuple(f"call/note.{name}" for name in WAYS)


def example(family: str, rng: random.Random) -> Example:
    """A question, the note that it needs, and perhaps others."""
    tool, note, question = WAYS[family.removeprefix("call/note.")]
    for _ in range(200):
        start = draw_for(tool, rng)
        name = start.say("<forename>")
        slots = {**start.slots, "other": lambda draw, _, name=name: name, "other2": lambda draw, _, name=name: name}
        draw = Draw(rng, {**start.rules, **RULES}, slots)
        draw.seen["currency"] = None
        try:
            told = plain(tidy(draw.say(note)))
            asked = draw.say(question)
        except Again:
            continue
        notes = [noted(told, rng), *(some_notes(rng) if rng.random() < 0.6 else [])]
        rng.shuffle(notes)
        prompt = chat_prompt(offered(rng, tool), [("user", with_notes(notes[:4], styled(behind(asked), rng)))])
        return Example("call", prompt, call_text(tool, canonical(tool, draw.args)))
    raise RuntimeError(f"{family} contradicts itself.")
