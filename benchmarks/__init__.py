"""The kit compared with other libraries: ``python -m benchmarks``.

__main__    runs the sections and writes the report
sections    one module for each part of the report
contenders  one module for each library that is compared
workers     processes in which contenders do jobs, and how the processes take turns
uploads     photographs and other uploads, and measurements of imaging alone
settings    Django settings of a worker: only the apps that its contenders need
s3server    an S3 server in its own process
"""

from __future__ import annotations
