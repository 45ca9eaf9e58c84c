"""Drills: something breaks while the shop sells, and afterwards nothing is lost and nothing is there twice.

Everything is real: PostgreSQL, a Redis broker, a Celery worker with its pool of processes, beat, a web server. A drill
reads as a sentence: what broke, what the buyer saw, what brought it back. What starts and breaks things is in
`harness`, what runs in a process of its own in `processes`.

`CRM_FAULTS=long` breaks things at every point instead of some, and with the numbers of a large shop.
"""
