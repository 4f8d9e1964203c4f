"""The ``redshank`` command. Not shipped to Lambda.

main     which commands are there?
telling  how does a person hear of it?
stack    which stack is meant, and what does it consist of?
apply    how does a book become the live one?
keys     who may call the API?
"""
