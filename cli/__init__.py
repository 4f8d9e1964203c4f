"""The ``redshank`` command. Not shipped to Lambda.

main     which commands are there?
telling  how does a person hear of it?
stack    which stack is meant, and what does it consist of?
apply    how does a book become the live one?
keys     who may call the API?
simulate what would a book do with a history?
testing  does a book do what its scenarios expect?
explain  why did a contact get an email, or not?
"""
