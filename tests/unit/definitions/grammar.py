"""The examples of the language's grammar, word for word, in a book that has what they name."""

from __future__ import annotations

from textwrap import dedent

from tests.unit.definitions.writing import FILES

WORKFLOW = dedent("""\
    state: live                     # live | shadow (decides, sends nothing) | paused | retired
    topic: tips                     # step over workflow over the only marketing topic
    priority: 50                    # who goes first under a cap
    trigger: {event: signed_up}     # one or a list
    entry: {again: never, key: cart_id, while_active: ignore}    # never | always | 30d; ignore | restart
    goal: {event: product_activated, within: 30d}  # since entry; counts and ends (ends: false); value: PROP
    exit_if: {event: product_activated}            # bars entry, ends at once, counts nothing
    holdout: 10%
    steps:                          # a verb and its options; all take id, if, was (the old id)
      - send: welcome               # id: the template's name; also sender, topic, subject, hold
      - wait: 2d                    # since the step before settled
      - wait_for: {clicked: welcome}
        at_most: 4d
        then: [{wait: 1d}]
        else: [{send: welcome, id: welcome_again, subject: Seen this?, if: {not: {opened: welcome}}}]
      - wait_until: {time: "09:00", days: [tue, thu]}   # | {date: trial_ends_at, offset: -3d} | best_hour
      - branch:
          - {if: {trait: industry, eq: saas}, then: [{send: saas}]}
          - {then: [{send: general}]}                   # no `if`: else; arms rejoin below
      - send: follow_up
        arms: {curious: {subject: "…"}, direct: {subject: "…"}}
        decide: {by: clicks, min: 1000, confidence: 95%, then: winner}  # a broadcast: sample: 20%, after: 4h
      - split: persist_or_stop      # its name salts the hash; a send-time test is arms of wait_until
        arms: {persist: {share: 50%, then: [{send: e4}]}, stop: {share: 50%, then: [{exit: stopped}]}}
        decide: {by: conversion, within: 30d, then: report}   # opens | clicks | conversion | revenue, of: STEP
      - {use: nurture_email, id: n1, with: {template: howto, again: Seen this?}}
      - set: {lifecycle: customer}
      - subscribe: tips             # unsubscribe
      - {emit: trial.rescued, detail: {plan: "{{ contact.plan }}"}}   # onto the account's EventBridge bus
      - enroll: nurture
      - suppress: unengaged         # marketing only; a click or a new opt-in lifts it
      - exit: done
    """)

TRIGGERS = dedent("""\
    - {event: page_viewed, where: {property: path, eq: /pricing}, if: {not: {trait: plan, eq: pro}}}
    - {event: signed_up, without: product_activated, for: 48h}                    # absence
    - {event: [signed_up, logged_in], without: logged_in, for: 7d, if: {trait: plan, eq: trial}}
    - {event: cart_updated, without: order_placed, same: cart_id, for: 4h}        # abandoned cart
    - {becomes: {measure: lead_score, gte: 50}}                                   # threshold
    - {becomes: {event: email_opened, within: 30d, gte: 5}}
    - {becomes: [{measure: usage_ratio, lt: 20%}, {measure: usage_prev, gte: 20}]}
    - {becomes: {in: power_user}}                # segment entry; exit: {becomes: {not: {in: active_trial}}}
    - {date: trial_ends_at, offset: -3d, time: "09:00"}
    - {every: [tue], time: "09:00", to: power_user, timezone: contact}
    - {at: "2026-12-08 09:00", to: readers, timezone: contact, late: skip}   # a broadcast; or {manual: true}
    """)

SNIPPET = dedent("""\
    params: [template, again]
    steps:
      - {send: $template, id: mail}
      - wait_for: {clicked: mail}
        at_most: 4d
        then: [{wait: 1d}]
        else: [{send: $template, id: again, subject: $again, if: {not: {opened: mail}}}, {wait: 3d}]
    """)

MEASURES = dedent("""\
    usage: {event: report_run, sum: credits, within: 30d}
    usage_prev: {event: report_run, sum: credits, within: 30d, ago: 30d}
    usage_ratio: {expr: usage / usage_prev}          # x / 0 is missing
    lead_score: {points: [{event: pricing_viewed, add: 10}, {trait: size, gte: 50, add: 20}], half_life: 30d}
    """)

SEGMENTS = dedent("""\
    power_user: [{trait: plan, eq: pro}, {measure: usage, gte: 500}]
    active_trial: [{trait: plan, eq: trial}, {event: logged_in, within: 7d}]
    """)

MAIL = "---\nsubject: x\n---\n{{ unsubscribe_url }}\n"

#: What the examples name, beside the small book.
NAMED: dict[str, str | None] = {
    "measures.yaml": MEASURES,
    "segments.yaml": SEGMENTS,
    "lists/readers.csv": "email\nann@example.com\n",
    "snippets/nurture_email.yaml": SNIPPET,
    "workflows/nurture.yaml": "trigger: {manual: true}\nsteps: [{send: welcome}]\n",
    **{f"templates/{name}.html": MAIL for name in ("saas", "general", "follow_up", "e4", "howto", "again")},
    "templates/welcome.html": FILES["templates/welcome.html"],
}
