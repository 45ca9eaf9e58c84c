"""What visitors do with recommendations, and whether it is worth it: events, who is held out, attribution, the report.

Events are written as they come (`recording`), forgotten with the person (`forgetting`) and with time (`retention`).
What was bought after them is never stored: `attribution` derives it from the events and the orders as they are now.
"""
