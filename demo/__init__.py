"""The demo: real purchases in a shop, a purchase with points over HTTP, and a server to look at the result.

`make demo` runs it on the stand-in shop; `python -m demo.story` runs the purchase alone, on any shop. Not part of the
package that is installed into a shop.
"""
