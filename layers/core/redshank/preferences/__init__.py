"""What does the contact allow us to send?

links  who is this link for?            (signed, in every email)
pages  how does it look?                (HTML, no script)
desk   what does a request to the public pages do?
"""
