"""The commands that people know from `wsk`, and Argo's own: they know a service only over HTTP.

One session a command (`session.py`): the properties in effect, the HTTP client, the output format. Every error is a
`ClientError` (`failures.py`), printed with what to type next, and decides the exit status.

The HTTP client is urllib3: a start of `argofn action list` must stay under 300 ms of CPU, of which aiohttp takes 170 to
import and httpx (with the command line that it imports beside) about as many; urllib3 takes 60, pools connections,
streams, and is here already, under `docker`.
"""
