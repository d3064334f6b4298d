"""Requests without a pause over kept connections, until the time is over: more than there are workers, so that some always wait.
press.py HOST PORT CA TOKEN-FILE PATH CONNECTIONS SECONDS; prints how many were answered."""
import http.client
import ssl
import sys
import threading
import time

host, port, ca, token_file, path, connections, seconds = sys.argv[1:8]
context = ssl.create_default_context(cafile=ca)
with open(token_file) as file:
    headers = {'Authorization': f'Bearer {file.read().strip()}'}
end = time.monotonic() + float(seconds)
answered = []


def press():
    link, count = http.client.HTTPSConnection(host, int(port), context=context, timeout=30), 0
    while time.monotonic() < end:
        link.request('GET', path, headers=headers)
        link.getresponse().read()
        count += 1
    answered.append(count)


threads = [threading.Thread(target=press) for _ in range(int(connections))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(answered))
