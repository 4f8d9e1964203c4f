"""How is each kind of step, trigger, condition and measure written? One short example each; a test compiles them."""

from __future__ import annotations

from collections.abc import Mapping

#: Model -> an item of ``steps``.
STEPS: Mapping[str, str] = {
    "SendStep": """\
- send: welcome
  subject: Hello {{ contact.first_name | default("there", true) }}
  if: {trait: plan, eq: trial}""",
    "WaitStep": "- wait: 2d",
    "WaitForStep": """\
- send: welcome
- wait_for: {clicked: welcome, link: "*/start*"}
  at_most: 4d
  then: [{wait: 1d}]
  else: [{send: welcome, id: again, subject: Seen this?, if: {not: {opened: welcome}}}]""",
    "WaitUntilStep": """\
- wait_until: {time: "09:00", days: [tue, thu]}
- {wait_until: {date: trial_ends_at, offset: -3d}, id: before_the_end}
- {wait_until: best_hour, id: good_hour}
- {wait_until: {}, id: hour, arms: {morning: {time: "09:00"}, noon: {time: "12:30"}}}""",
    "BranchStep": """\
- branch:
    - {if: {trait: industry, eq: saas}, then: [{send: saas}]}
    - {then: [{send: general}]}""",
    "SplitStep": """\
- split: persist_or_stop
  arms:
    persist: {share: 50%, then: [{send: follow_up}]}
    stop: {share: 50%, then: [{exit: stopped}]}
  decide: {by: conversion, within: 30d}""",
    "UseStep": "- {use: nurture_email, id: n1, with: {template: howto, again: Seen this?}}",
    "SetStep": '- set: {lifecycle: customer, welcomed_as: "{{ contact.plan }}"}',
    "SubscribeStep": "- subscribe: tips",
    "UnsubscribeStep": "- unsubscribe: tips",
    "EmitStep": '- {emit: trial.rescued, detail: {plan: "{{ contact.plan }}"}}',
    "EnrollStep": "- enroll: nurture",
    "SuppressStep": "- suppress: unengaged",
    "ExitStep": "- {exit: too_large, if: {trait: size, gte: 500}}",
}

#: Model -> what stands behind ``trigger:``.
TRIGGERS: Mapping[str, str] = {
    "EventTrigger": """\
- {event: page_viewed, where: {property: path, eq: /pricing}, if: {not: {trait: plan, eq: pro}}}
- {event: signed_up, without: product_activated, for: 48h}
- {event: cart_updated, without: order_placed, same: cart_id, for: 4h}""",
    "BecomesTrigger": """\
- {becomes: {in: power_user}}
- {becomes: {not: {in: power_user}}}
- {becomes: {event: email_opened, within: 30d, gte: 5}}""",
    "DateTrigger": '- {date: trial_ends_at, offset: -3d, time: "09:00"}',
    "EveryTrigger": '- {every: [tue], time: "09:00", to: power_user, timezone: contact}',
    "AtTrigger": '- {at: "2026-12-08 09:00", to: readers, timezone: contact, late: skip}',
    "ManualTrigger": "- {manual: true}",
}

#: Model -> a condition.
CONDITIONS: Mapping[str, str] = {
    "TraitCondition": "{trait: plan, one_of: [pro, team]}",
    "AccountCondition": "{account: seats, gte: 10}",
    "MeasureCondition": "{measure: usage, gte: 500}",
    "PropertyCondition": '{property: path, like: "/pricing*"}',
    "EventCondition": "{event: report_run, sum: credits, within: 30d, gte: 100}",
    "InCondition": "{in: power_user}",
    "SubscribedCondition": "{subscribed: tips}",
    "EmailCondition": '{clicked: welcome, link: "*/start*", by: human}',
    "AllCondition": "{all: [{trait: plan, eq: trial}, {trait: trial_ends_at, in_next: 3d}]}",
    "AnyCondition": "{any: [{trait: plan, eq: pro}, {event: signed_up, within: 7d}]}",
    "NotCondition": "{not: {event: logged_in, within: 7d}}",
}

#: Model -> lines of ``measures.yaml``.
MEASURES: Mapping[str, str] = {
    "EventMeasure": """\
usage: {event: report_run, sum: credits, within: 30d}
usage_before: {event: report_run, sum: credits, within: 30d, ago: 30d}
top_feature: {event: feature_used, top: feature}""",
    "ExpressionMeasure": """\
usage: {event: report_run, sum: credits, within: 30d}
usage_share: {expr: usage / account.credits}""",
    "MapMeasure": "plan_limit: {map: plan, to: {free: 100, pro: 5000}}",
    "PointsMeasure": """\
lead_score: {points: [{event: pricing_viewed, add: 10}, {trait: size, gte: 50, add: 20}], half_life: 30d}""",
    "ModelMeasure": "churn_60d: {model: churn_60d}",
}

#: Model -> an item of a scenario's ``when``.
HAPPENINGS: Mapping[str, str] = {
    "EventHappens": "{at: 1d, event: product_activated, properties: {plan: pro}}",
    "TraitsHappen": "{at: 1d, traits: {plan: pro, company: null}}",
    "AccountHappens": "{at: 1d, account: {seats: 12}}",
    "OpenHappens": "{at: 1h, opened: welcome, by: proxy}",
    "ClickHappens": '{at: 1h, clicked: welcome, link: "https://acme.example/start"}',
    "BounceHappens": "{at: 5m, bounced: welcome}",
    "ComplaintHappens": "{at: 5m, complained: welcome}",
    "SubscribeHappens": "{at: 2d, subscribed: tips}",
    "UnsubscribeHappens": '{at: 2d, unsubscribed: "*"}',
    "EnrollHappens": "{at: 0s, enrolled: nurture}",
}

#: Model -> an item of a scenario's ``expect``.
EXPECTATIONS: Mapping[str, str] = {
    "SentExpected": "{at: 0s, sent: welcome}",
    "SkippedExpected": "{at: 2d, skipped: welcome, why: unsubscribed}",
    "EnteredExpected": "{at: 0s, entered: activation}",
    "ExitedExpected": "{at: 1d, exited: goal}",
}
