"""A page on this host that shows a device while it runs, and goes back in its time.

Who looks changes nothing: the page is told what the machine, the air and the network tell everybody, and what is done
to the device from there is done between two calls of `Machine.run`, as a test does it.
"""
