"""Every graph of a recorded model, with the calls that have a rule spelled out."""

from __future__ import annotations

from unfoldify.lowering.alike import let_dilations_be_alike
from unfoldify.lowering.dialect import speak_torch
from unfoldify.lowering.dropout import drop_in_training
from unfoldify.lowering.effects import settle
from unfoldify.lowering.lower import Declined, Group, Lowering, SpellOut, lower
from unfoldify.lowering.presence import assure
from unfoldify.lowering.unread import drop_unread
from unfoldify.merge import walk_bodies
from unfoldify.options import Options
from unfoldify.recording.model import Recorded
from unfoldify.recording.stand_ins import stand_ins


def spell_out(
    recorded: Recorded, options: Options, spell: SpellOut | None = None
) -> tuple[list[tuple[str, Group]], list[tuple[str, Declined]]]:
    """Rewrite every graph in place: the calls that have a rule, and changes in place."""
    how = Lowering(options.rules(), options.style, options.max_intermediate)
    groups: list[tuple[str, Group]] = []
    declined: list[tuple[str, Declined]] = []
    bodies = list(walk_bodies(recorded.recording.root))
    if options.layout == "inline":
        let_dilations_be_alike(bodies, how.rules)
    with stand_ins():
        for body in bodies:
            settle(body.graph)
            done, left = lower(body.graph, how.within(body.path, options.wanted), spell)
            drop_in_training(body.graph)
            drop_unread(body.graph)
            if options.dialect == "torch":
                speak_torch(body.graph)
                assure(body.graph, body.module)
            groups.extend((body.path, group) for group in done)
            declined.extend((body.path, each) for each in left)
    return groups, declined
