"""What follows, for one contact, from what happened? Pure: no AWS, no clock, no chance.

inputs       what can happen to a contact            (an event, a wake-up)
state        what is known about a contact           (the profile and the standing)
book         what the team wrote, compiled           (workflows, measures, topics)
conditions   is it true, and until when?
measures     what does a contact's history add up to?
consent      may we write to this contact about that?
journeys     where does a journey go next?
effects      what is to be done in the outside world?
advance      all of it: state, inputs, book, now -> transition
packing      how is a standing kept small?
"""
