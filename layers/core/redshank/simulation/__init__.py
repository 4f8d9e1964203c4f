"""What would this book do? The same engine on a virtual clock, over a history that somebody kept or wrote.

events      what does an events file hold?               (JSON Lines of Segment messages, by contact)
world       what happens to one contact, and when?       (nothing is sent; the clock jumps)
report      what does that add up to, over all of them?
scenarios   does the book do what its tests expect?
sentences   how is a decision said to a person?
"""
