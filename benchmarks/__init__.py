"""The kit compared with other libraries: ``python -m benchmarks``.

__main__    measures the sections, keeps their results, and writes the documentation
claims      what README and documentation claim; each line of the summary backs a claim
sections    one module for each part of the page
contenders  one module for each library that is compared
workers     processes in which contenders do jobs, and how the processes take turns
uploads     photographs and other uploads, and measurements of imaging alone
results     what was measured, as JSON
page        the page of the documentation, made from the results
plots       the plots, drawn from the results; charts has the kinds of charts
settings    Django settings of a worker: only the apps that its contenders need
s3server    an S3 server in its own process
moving      sites that move to the kit while they are in use; a program of its own
widget      the file input in a browser; a program of its own
"""

from __future__ import annotations
