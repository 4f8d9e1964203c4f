"""What follows, for one contact, from what happened? Pure: no AWS, no clock, no chance.

What the team wrote, compiled:

    book         who depends on what?                 (an event touches only what listens to it)
    workflows    what is a workflow?                  (triggers and steps)
    values       what can a condition look at?
    conditions   is it true, and until when?
    serial       how does a book become text?

What is known and what happens:

    inputs       what can happen to a contact?        (an event, a wake-up, a visit)
    state        what is known about a contact?       (the profile and the standing)
    effects      what is to be done in the outside world?
    packing      how is a standing kept small?

What is worked out:

    advance      all of it: state, inputs, book, now -> transition
    turn         what is being worked out in one advance?
    baseline     what does a new book find true already?
    learning     what do Redshank's own events mean?
    measures     what does a history add up to?       measuring  which measures does an event feed?
    moments      when is nine o'clock for this contact?
    absences     what did not happen?                 schedules  when does the clock start a journey?
    entering     may a journey begin?                 journeys   where does it go next?
    emails       is it sent, skipped or held?         holding    has it to wait?
    consent      may we write to this contact?        chance     which arm does a contact get?
"""
